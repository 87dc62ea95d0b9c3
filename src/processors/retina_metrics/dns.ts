import { addressTextAt } from '../../flow/address.ts'
import type { FlowBatch } from '../../flow/batch.ts'
import { dnsTypeName } from '../../flow/dns-names.ts'
import { L7Type } from '../../flow/enums.ts'
import { L7Protocol } from '../../flow/l7.ts'
import { SeriesCache } from '../../metrics/series-cache.ts'
import type { Handler } from '../hubble_metrics/handlers/handler.ts'
import { EGRESS, INGRESS, type PodSides, type Way } from './pod-sides.ts'
import { type RetinaSettings, retinaGauge } from './retina-settings.ts'

/** Retina's names of the codes that it knows. */
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

const ADDRESS_BYTES = 16

/** `dns_request_count` and `dns_response_count` of the node, `adv_dns_…` of its pods: every message once, and never two ends. */
export function dnsHandler({ node, sides }: RetinaSettings): Handler {
  const requests = node.family(retinaGauge('dns_request_count', 'DNS queries'))
  const responses = node.family(retinaGauge('dns_response_count', 'DNS answers'))
  const podRequests = sides.family(
    retinaGauge('adv_dns_request_count', 'DNS queries of pods', 'query_type', 'query'),
    () => [],
  )
  const podResponses = sides.family(
    retinaGauge(
      'adv_dns_response_count',
      'DNS answers to pods',
      ...['return_code', 'query_type', 'query', 'response', 'num_response'],
    ),
    () => [],
  )
  const requestTotal = new SeriesCache(requests, () => [])
  const responseTotal = new SeriesCache(responses, () => [])
  return {
    families: [requests, responses, podRequests.family, podResponses.family],
    observe(batch) {
      if (batch.l7.length === 0) return
      const { l7, weight } = batch.columns
      const { protocol, type } = batch.l7.columns
      sides.begin(batch, podRequests, podResponses)
      requestTotal.refresh()
      responseTotal.refresh()
      for (let i = 0; i < batch.length; i++) {
        const row = l7[i]! - 1
        if (row < 0 || protocol[row] !== L7Protocol.DNS) continue
        const response = type[row] === L7Type.RESPONSE
        if (response) responses.add(responseTotal.id(0, 0), weight[i]!)
        else requests.add(requestTotal.id(0, 0), weight[i]!)
        const way = clientWay(sides, batch, i, response)
        if (way === undefined) continue
        const pod = sides.values(sides.labels(i, way), way)
        const { family } = response ? podResponses : podRequests
        const own = response ? answerLabels(batch, row) : questionLabels(batch, row)
        family.add(family.series(...own, ...pod), weight[i]!)
      }
    },
  }
}

/** The client's end when it is a pod here, else the server's. */
function clientWay(sides: PodSides, batch: FlowBatch, row: number, response: boolean): Way | undefined {
  const [client, server]: [Way, Way] = response ? [INGRESS, EGRESS] : [EGRESS, INGRESS]
  if (sides.isPod(batch, row, client)) return client
  return sides.isPod(batch, row, server) ? server : undefined
}

function questionLabels({ l7 }: FlowBatch, row: number): string[] {
  return [l7.types(row).map(dnsTypeName).join(','), l7.query(row)]
}

function answerLabels(batch: FlowBatch, row: number): string[] {
  const { rcode, addressCount, addressesAt, answerTypeCount } = batch.l7.columns
  const addresses: string[] = []
  for (let i = 0; i < addressCount[row]!; i++)
    addresses.push(addressTextAt(batch.l7.heap, addressesAt[row]! + i * ADDRESS_BYTES))
  const code = RCODES[rcode[row]!] ?? ''
  return [code, ...questionLabels(batch, row), addresses.join(','), String(answerTypeCount[row]!)]
}
