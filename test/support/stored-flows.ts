import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { flowQuery, type GetFlowsRequest } from '../../src/exporters/hubble/flow-query.ts'
import { FlowReader } from '../../src/exporters/hubble/flow-reader.ts'
import { FlowRing } from '../../src/exporters/hubble/flow-ring.ts'
import { History } from '../../src/exporters/hubble/history/history.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'

/** A ring whose flows also go to a directory, and what a test wants to know of that. */
export interface StoredRing {
  ring: FlowRing
  history: History
  endpoints: EndpointTable
  /** By reason, and `damaged`, `failures` of writing. */
  counts: { queue_full: number; write_failed: number; damaged: number; failures: number }
  /** Source ports of the flows that answer a request, with `lost n`, `overtaken n`, and `idle` or `end`. */
  ask(request?: GetFlowsRequest): Promise<(number | string)[]>
}

export interface StoredRingSettings {
  directory: string
  /** In memory: few, so that reading begins on disk. */
  maxFlows?: number
  maxBytes?: number
  maxAgeMs?: number
  clock?: () => number
}

/** Opens a directory as an exporter does; the caller closes the history. */
export async function openStored(settings: StoredRingSettings): Promise<StoredRing> {
  const { directory, maxFlows = 1, maxBytes = 64 * 1024 * 1024, maxAgeMs = 3_600_000, clock = Date.now } = settings
  const endpoints = new EndpointTable()
  const counts = { queue_full: 0, write_failed: 0, damaged: 0, failures: 0 }
  const observer = {
    lost: (events: number, why: 'queue_full' | 'write_failed') => {
      counts[why] += events
    },
    damaged: () => {
      counts.damaged++
    },
    writing: (failure: Error | undefined) => {
      if (failure !== undefined) counts.failures++
    },
  }
  const history = new History({ directory, maxBytes, maxAgeMs, endpoints, observer, clock })
  await history.open()
  const ring = new FlowRing({ maxFlows, maxBytes: 1 << 26 }, clock)
  ring.continue(history)
  const context = { ends: new Ends(endpoints), nodeName: 'node-1', uuidPrefix: history.uuidPrefix }
  const ask = (request: GetFlowsRequest = {}) => answer(new FlowReader(ring, flowQuery(request, context)))
  return { ring, history, endpoints, counts, ask }
}

/** Everything a new reader says until it ends or idles. */
export async function answer(reader: FlowReader): Promise<(number | string)[]> {
  await reader.rewind()
  return proceed(reader)
}

/** The same of one that began already. */
export async function proceed(reader: FlowReader): Promise<(number | string)[]> {
  const said: (number | string)[] = []
  for (;;) {
    const step = reader.step()
    switch (step.at) {
      case 'flows':
        for (let row = step.from; row < step.to; row++)
          if (step.rows[row]) said.push(step.batch.columns.sourcePort[row]!)
        break
      case 'lost':
        said.push(`lost ${step.lost.count}`)
        break
      case 'overtaken':
        said.push(`overtaken ${step.count}`)
        break
      case 'loading':
        await step.ready
        break
      default:
        return [...said, step.at]
    }
  }
}

/** Paths of a directory's segments, oldest first. */
export function segmentsOf(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.flows'))
  return names.sort().map((name) => join(directory, name))
}
