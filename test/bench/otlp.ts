import { gzipSync } from 'node:zlib'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { Ends } from '../../src/flow/ends.ts'
import { OtlpFlowEncoder } from '../../src/flow/otlp-encode.ts'
import { OtlpRequestEncoder } from '../../src/flow/otlp-request.ts'
import { numberedBatch } from '../support/flow-source.ts'

/** Cost of flows as OTLP log records: encoding, and bytes of a flow. Prints a table, asserts nothing. */

const ROWS = 8_192
const REQUEST_ROWS = 1_024

const results: Record<string, { result: string }> = {}

/** Median of `runs` times of `work`, in ms. */
function median(runs: number, work: () => void): number {
  const times = Array.from({ length: runs }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  }).sort((a, b) => a - b)
  return times[runs >> 1]!
}

/** Flows between pods with the labels that pods have. */
function podFlows(table: EndpointTable): FlowBatch {
  const batch = numberedBatch(0, ROWS)
  const ids = Array.from({ length: 64 }, (_, i) =>
    table.add(
      endpoint({
        identity: 10_000 + i,
        localId: i + 1,
        namespace: 'shop',
        podName: `cart-5d9c7b8f4-${i}`,
        labels: ['k8s:app=cart', 'k8s:io.kubernetes.pod.namespace=shop', `k8s:version=${i}`],
        workloads: [{ name: 'cart', kind: 'Deployment' }],
        clusterName: 'default',
        nodeName: `node-${i % 8}`,
        zone: 'eu-1a',
      }),
    ),
  )
  for (let row = 0; row < ROWS; row++) {
    batch.columns.sourceEndpoint[row] = ids[(row * 7) % ids.length]!
    batch.columns.destinationEndpoint[row] = ids[row % ids.length]!
  }
  return batch
}

function encoding(what: string, table: EndpointTable, batch: FlowBatch): void {
  const encoder = new OtlpFlowEncoder(new Ends(table))
  const requests = new OtlpRequestEncoder(
    { 'service.name': 'fovea', 'host.name': 'node-1' },
    { name: 'fovea', version: '' },
  )
  let encoded: Uint8Array[] = []
  const ms = median(50, () => {
    encoder.refresh()
    encoded = []
    for (let row = 0; row < ROWS; row += REQUEST_ROWS) {
      encoded.push(requests.request([encoder.records(batch, row, row + REQUEST_ROWS, 1_700_000_000_000)]))
    }
  })
  const bytes = encoded.reduce((sum, { length }) => sum + length, 0)
  let zipped = 0
  const zipMs = median(5, () => {
    zipped = encoded.reduce((sum, request) => sum + gzipSync(request).length, 0)
  })
  const rate = Math.round((ROWS / ms) * 1_000).toLocaleString('en')
  results[`${what}: encode`] = {
    result: `${rate} flows/s (${((ms / ROWS) * 1_000).toFixed(2)} µs), ${Math.round(bytes / ROWS)} bytes each`,
  }
  results[`${what}: gzip`] = {
    result: `${((zipMs / ROWS) * 1_000).toFixed(2)} µs a flow, ${(zipped / ROWS).toFixed(1)} bytes each`,
  }
}

encoding('addresses alone', new EndpointTable(), numberedBatch(0, ROWS))
const table = new EndpointTable()
encoding('pods at both ends', table, podFlows(table))
console.table(results)
