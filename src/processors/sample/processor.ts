import type { FlowBatch } from '../../flow/batch.ts'
import { Kind, L7Type, TcpFlag } from '../../flow/enums.ts'
import { L7Protocol } from '../../flow/l7.ts'
import type { Component, CreateContext, FlowConsumer } from '../../pipeline/component.ts'
import type { Counter } from '../../pipeline/telemetry.ts'
import type { SampleConfig } from './config.ts'
import { connectionHash } from './connection-hash.ts'

/**
 * Keeps one in N connections, whole. A row that is kept by chance stands for N of its kind, one that is always kept
 * for itself: so the weighted sums of what passes are, on the average, those of what came.
 */
export class SampleProcessor implements Component, FlowConsumer {
  readonly mutates = true
  readonly #config: SampleConfig
  readonly #next: FlowConsumer
  /** Hashes below are kept. */
  readonly #limit: number
  readonly #flows: Counter
  readonly #packets: Counter
  readonly #bytes: Counter

  constructor(context: CreateContext, config: SampleConfig, next: FlowConsumer) {
    this.#config = config
    this.#next = next
    this.#limit = 2 ** 32 / config.one_in
    const counter = (what: string) =>
      context.telemetry.counter(`fovea_sample_left_out_${what}`, `Exact number of ${what} that sampling left out.`, {
        processor: context.id,
      })
    this.#flows = counter('flows')
    this.#packets = counter('packets')
    this.#bytes = counter('bytes')
  }

  async start(): Promise<void> {}

  async shutdown(): Promise<void> {}

  consume(batch: FlowBatch): void | Promise<void> {
    if (this.#config.one_in === 1) return this.#next.consume(batch)
    const sampled = this.#sample(batch)
    if (sampled.length === 0 && sampled.lost.length === 0) return
    return this.#next.consume(sampled)
  }

  #sample(batch: FlowBatch): FlowBatch {
    const { columns } = batch
    const keep = new Uint8Array(batch.length)
    let [packets, bytes, flows] = [0, 0, 0]
    for (let i = 0; i < batch.length; i++) {
      if (this.#alwaysKept(batch, i)) keep[i] = 1
      else if (connectionHash(columns, i, this.#config.seed) < this.#limit) {
        keep[i] = 1
        columns.weight[i]! *= this.#config.one_in
      } else {
        flows++
        packets += columns.packets[i]!
        bytes += columns.bytes[i]!
      }
    }
    this.#flows.add(flows)
    this.#packets.add(packets)
    this.#bytes.add(bytes)
    return batch.select(keep)
  }

  #alwaysKept(batch: FlowBatch, row: number): boolean {
    const { keep_drops, keep_dns_errors, keep_tcp_resets } = this.#config
    const { kind, l7, tcpFlags } = batch.columns
    if (keep_drops && kind[row] === Kind.DROP) return true
    if (keep_tcp_resets && (kind[row] === Kind.TCP_RESET || (tcpFlags[row]! & TcpFlag.RST) !== 0)) return true
    if (!keep_dns_errors || l7[row] === 0) return false
    const { protocol, type, rcode } = batch.l7.columns
    const at = l7[row]! - 1
    return protocol[at] === L7Protocol.DNS && type[at] === L7Type.RESPONSE && rcode[at] !== 0
  }
}
