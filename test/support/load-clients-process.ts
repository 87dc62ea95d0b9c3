import { flowNumber } from './flow-source.ts'
import { HubbleClient } from './hubble-client.ts'
import type { FollowerReport } from './load-clients.ts'
import { LOAD_FILTERS } from './load-flows.ts'

/** For `LoadClients`: grpc-js clients that follow a server (first argument) with the filters of these numbers (the others). */
const [server = '', ...numbers] = process.argv.slice(2)
const reports = numbers.map((number) => follow(Number(number)))

process.on('message', () => process.send?.(reports))
process.on('disconnect', () => process.exit())

function follow(client: number): FollowerReport {
  const { filter, matches } = LOAD_FILTERS[client]!
  const report: FollowerReport = { client, received: 0, wrong: 0, lost: 0, last: -1, error: '' }
  // A connection of its own, as clients of different people have.
  const hubble = new HubbleClient(server, undefined, { 'grpc.use_local_subchannel_pool': 1 })
  const call = hubble.stream('observer.Observer', 'GetFlows', { follow: true, whitelist: [filter] })
  call.on('data', ({ flow, lost_events }) => {
    if (lost_events !== undefined && lost_events !== null) report.lost += Number(lost_events.num_events_lost)
    if (flow?.IP === undefined) return
    const number = flowNumber(flow.IP.source)
    report.received++
    // Twice or out of order is wrong, too.
    if (!matches(number) || number <= report.last) report.wrong++
    report.last = number
  })
  call.on('error', (error) => {
    report.error = error.message
  })
  return report
}
