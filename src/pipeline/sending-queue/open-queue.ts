import type { CreateContext, ExtensionUse, Signal } from '../component.ts'
import { MemoryQueue } from './memory-queue.ts'
import type { SendingQueue, Sizer } from './queue.ts'
import { queueStorage } from './storage.ts'

/** What of `sending_queue` the queue itself needs. */
export interface QueueSettings {
  queue_size: number
  sizer: Sizer
  /** Id of a storage extension; `''` = memory. */
  storage: string
}

/** For `ConfigSpec.extensions` of a component with a `sending_queue`. */
export function queueExtensions({ sending_queue: { storage } }: { sending_queue: QueueSettings }): ExtensionUse[] {
  return storage === '' ? [] : [{ path: ['sending_queue', 'storage'], id: storage }]
}

/** An exporter's queue with its metrics, to be called when the exporter starts. @throws Error that names the setting */
export async function openQueue(
  context: CreateContext,
  signal: Signal,
  { queue_size, sizer, storage }: QueueSettings,
): Promise<{ queue: SendingQueue; endGauges: () => void }> {
  const queue =
    storage === ''
      ? new MemoryQueue(queue_size, sizer)
      : await queueStorage(context.extension(storage), storage).openQueue({ id: context.id, signal }, queue_size, sizer)
  const gauge = (name: string, help: string, read: () => number) =>
    context.telemetry.gauge(name, help, { exporter: context.id, data_type: signal }, read)
  const ends = [
    gauge('otelcol_exporter_queue_size', 'Waiting and in flight, in units of the sizer.', () => queue.size),
    gauge('otelcol_exporter_queue_capacity', 'Most of the queue, in units of the sizer.', () => queue.capacity),
    gauge('fovea_exporter_queue_bytes', 'Memory of what waits.', () => queue.memoryBytes),
  ]
  return {
    queue,
    endGauges: () => {
      for (const end of ends) end()
    },
  }
}
