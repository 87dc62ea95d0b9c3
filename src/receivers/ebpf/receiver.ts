import { Capture, dropReasons } from '../../../native/capture.ts'
import { explainFailures } from '../../../native/diagnose.ts'
import { machineFacts, missingCapabilities } from '../../../native/machine.ts'
import { LostSource } from '../../flow/enums.ts'
import { Losses } from '../../flow/losses.ts'
import {
  type Component,
  type CreateContext,
  type FlowConsumer,
  NothingToObserveError,
} from '../../pipeline/component.ts'
import type { EbpfConfig } from './config.ts'
import { InterfaceLog } from './interface-log.ts'
import { KernelNames } from './kernel-names.ts'
import { captureOptions, unknownReasons } from './kernel-settings.ts'
import { EVENT_BYTES } from './layout.ts'
import { EbpfMetrics } from './metrics.ts'
import { type LossReason, SlabLine } from './slab-line.ts'

/** How often the kernel is asked whether it lost records. */
const LOSS_CHECK_MS = 1_000
/** Part of the time for shutting down that the kernel side gets; the rest is for the last flows. */
const CLOSE_PART = 0.7

/** The program that user space runs; it observes nothing by itself. */
const SWEEP = 'sweep'

/** Bytes of a record without payload in the ring, with the ring's own header. */
const RING_RECORD_BYTES = EVENT_BYTES + 8

/** What exists from start to shutdown. */
interface Running {
  capture: Capture
  line: SlabLine
  /** Counts and logs records that did not become flows. */
  lost(reason: LossReason, records: number, message: string): void
  metrics: EbpfMetrics
  lossCheck: NodeJS.Timeout
  /** Records the kernel had lost when it was last asked. */
  lostRing: number
}

/** Observes this machine through eBPF: kernel records in, flow batches out. */
export class EbpfReceiver implements Component {
  readonly #context: CreateContext
  readonly #config: EbpfConfig
  readonly #next: FlowConsumer
  readonly #losses = new Losses()
  #running: Running | undefined

  constructor(context: CreateContext, config: EbpfConfig, next: FlowConsumer) {
    this.#context = context
    this.#config = config
    this.#next = next
  }

  /** Rejects with {@link NothingToObserveError} when not one program can be loaded. */
  async start(): Promise<void> {
    const { log, telemetry, id } = this.#context
    const reasons = dropReasons()
    const unknown = unknownReasons(this.#config.drops.exclude_reasons, reasons)
    if (unknown.length > 0) log.warn({ unknown }, 'drops::exclude_reasons: this kernel has no such reasons')
    const names = new KernelNames(reasons, (location) => capture.location(location))
    const interfaceLog = new InterfaceLog(log)
    const capture = new Capture(captureOptions(this.#config, reasons), {
      onSlab: (slab) => line.push(slab),
      onInterfaces: () => {
        names.update(capture.interfaces)
        interfaceLog.tell(capture.interfaces)
      },
    })
    const lost = this.#makeLost()
    const line = this.#makeLine(capture, names, lost)
    await this.#demandSomething(capture)
    const metrics = new EbpfMetrics(telemetry, id, capture, () => line.inFlight)
    const lossCheck = setInterval(() => this.#checkLosses(), LOSS_CHECK_MS)
    this.#running = { capture, line, lost, metrics, lossCheck, lostRing: 0 }
    for (let i = 0; i < this.#config.slabs.count; i++) capture.give(new ArrayBuffer(this.#config.slabs.size_kib << 10))
  }

  async shutdown(deadlineMs: number): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    clearInterval(running.lossCheck)
    const leftMs = () => Math.max(0, deadlineMs - Date.now())
    await running.capture.close(Math.round(leftMs() * CLOSE_PART))
    this.#noticeLosses(running)
    this.#noticeLeft(running)
    running.line.tellLosses()
    await Promise.race([running.line.drained(), later(leftMs())])
    running.metrics.end()
  }

  async #demandSomething(capture: Capture): Promise<void> {
    const failures = explainFailures(capture.programs)
    if (capture.programs.some(({ errno, program }) => errno === 0 && program !== SWEEP)) {
      for (const failure of failures) this.#context.log.warn(`cannot observe everything: ${failure}`)
      return
    }
    await capture.close(0)
    const advice =
      missingCapabilities(machineFacts()).length > 0 ? '\nRun it as root, or give it the capabilities it lacks.' : ''
    throw new NothingToObserveError(`not one eBPF program could be loaded:\n  ${failures.join('\n  ')}${advice}`)
  }

  /** What the deadline cut off: records in the ring, and in the connection table. */
  #noticeLeft({ capture, lost }: Running): void {
    const { waitingBytes, unflushed } = capture.reading
    const records = Math.ceil(waitingBytes / RING_RECORD_BYTES) + unflushed
    if (records === 0) return
    this.#losses.add(LostSource.OBSERVER_EVENTS_QUEUE, records)
    lost('shutdown', records, 'not read before the deadline of the shutdown')
  }

  #makeLost(): Running['lost'] {
    const { telemetry, id, log } = this.#context
    const counter = (reason: LossReason) =>
      telemetry.counter('fovea_ebpf_lost_records', 'Records that the kernel wrote and that did not become flows.', {
        receiver: id,
        reason,
      })
    const counters = {
      worker: counter('worker'),
      undecodable: counter('undecodable'),
      shutdown: counter('shutdown'),
    }
    const failed = telemetry.counter('otelcol_receiver_failed_flows', 'Flows that the receiver itself lost.', {
      receiver: id,
    })
    return (reason, records, message) => {
      counters[reason].add(records)
      failed.add(records)
      log.error({ records }, `records lost: ${message}`)
    }
  }

  #makeLine(capture: Capture, names: KernelNames, lost: Running['lost']): SlabLine {
    const { pool, telemetry, id } = this.#context
    const unparsed = telemetry.counter('fovea_ebpf_unparsed_dns', 'Payloads at DNS ports that are no DNS messages.', {
      receiver: id,
    })
    return new SlabLine({
      pool,
      names,
      next: this.#next,
      losses: this.#losses,
      give: (slab) => capture.give(slab),
      onLost: lost,
      onUnparsedDns: (messages) => unparsed.add(messages),
    })
  }

  #checkLosses(): void {
    if (this.#running === undefined) return
    this.#noticeLosses(this.#running)
    this.#running.line.tellLosses()
  }

  #noticeLosses(running: Running): void {
    const { lostRing } = running.capture.counters
    this.#losses.add(LostSource.PERF_EVENT_RING_BUFFER, lostRing - running.lostRing)
    running.lostRing = lostRing
  }
}

function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref())
}
