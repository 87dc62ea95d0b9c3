import type { CreateContext } from '../../pipeline/component.ts'
import type { QueueOwner } from '../../pipeline/sending-queue/storage.ts'
import type { PersistentQueue, QueueObserver } from './persistent-queue.ts'

/** Makes metrics and log lines of what happens to a stored queue. @param writing told that the disk refuses, or takes again */
export function queueObserver(
  { telemetry, id, log }: CreateContext,
  owner: QueueOwner,
  writing: QueueObserver['writing'],
): QueueObserver {
  const labels = labelsOf(id, owner)
  const counter = (name: string, help: string) => telemetry.counter(`fovea_file_storage_${name}`, help, labels)
  const stored = counter('accepted_flows', 'Flows that were written to the queue.')
  const lost = counter('lost_flows', 'Flows that were accepted and could not be read again.')
  const corrupt = counter('corrupt_files', 'Files with parts that could not be read, set aside as .corrupt.')
  const other = counter('other_version_files', 'Files of another version of this program, left as they are.')
  const failed = counter('failures', 'Reading, marking or removing that failed on the disk.')
  return {
    stored: (flows) => stored.add(flows),
    lost: (flows) => {
      lost.add(flows)
      log.error({ ...labels, flows }, 'Flows of the queue on disk cannot be read any more.')
    },
    corrupt: (path) => {
      corrupt.add(1)
      log.error(`${path} is damaged: what can be read of it is sent, then it is set aside as .corrupt`)
    },
    otherVersion: (path, version) => {
      other.add(1)
      log.warn(`${path} is of version ${version} of the format: it stays for a program that knows it`)
    },
    failed: (error) => {
      failed.add(1)
      log.warn(`the queue of ${owner.id}: ${error.message}`)
    },
    writing,
  }
}

/** Shows the bytes of a queue's files. Returns a function that ends that. */
export function queueGauge({ telemetry, id }: CreateContext, owner: QueueOwner, queue: PersistentQueue): () => void {
  const help = 'Bytes of the files of a queue.'
  return telemetry.gauge('fovea_file_storage_bytes', help, labelsOf(id, owner), () => queue.diskBytes)
}

function labelsOf(extension: string, { id, signal }: QueueOwner): Record<string, string> {
  return { extension, exporter: id, data_type: signal }
}
