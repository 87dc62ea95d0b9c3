import { setTimeout } from 'node:timers/promises'
import { ownMetric } from './create-context.ts'
import { flood } from './flow-source.ts'
import { startHubble } from './hubble.ts'
import { dressLoad, loadPods } from './load-flows.ts'
import type { LoadCommand, LoadReport } from './loaded-hubble.ts'

/** A hubble exporter in a process of its own, for `LoadedHubble`: serves until the channel closes, floods when told to. */
const history = process.argv[2] === undefined ? {} : { directory: process.argv[2] }
const settings = { history: { directory: '', max_bytes: 2 ** 30, max_age: 3_600_000, ...history } }
const running = await startHubble(settings)
const pods = loadPods(running.endpoints)
let rssMiB = 0

process.on('message', (command: LoadCommand) => void obey(command))
process.on('disconnect', () => process.exit())
send({ at: 'serving', server: running.server, maxBytes: running.config.max_bytes, rssMiB: residentMiB() })

async function obey(command: LoadCommand): Promise<void> {
  if (command.at === 'flood') {
    const sampling = setInterval(() => residentMiB(), 100)
    const before = process.cpuUsage()
    const sent = await flood({ mutates: false, consume }, command.perSecond, command.seconds)
    const { user, system } = process.cpuUsage(before)
    send({ at: 'flooded', sent, cpuSeconds: (user + system) / 1e6 })
    await setTimeout(5_000)
    clearInterval(sampling)
  } else {
    send({
      at: 'state',
      streams: metric('streams'),
      sent: metric('sent_flows'),
      lost: metric('lost_events'),
      rssMiB: residentMiB(),
    })
  }
}

let next = 0
function consume(batch: Parameters<typeof dressLoad>[0]): void {
  dressLoad(batch, next, pods)
  next += batch.length
  running.exporter.consume(batch)
  // The ring keeps what it needs.
  batch.release()
}

/** Most memory so far. */
function residentMiB(): number {
  rssMiB = Math.max(rssMiB, process.memoryUsage.rss() / 2 ** 20)
  return rssMiB
}

function metric(name: string): number {
  return ownMetric(running.context, `otelcol_exporter_hubble_${name}`, { exporter: 'hubble' })
}

function send(report: LoadReport): void {
  process.send?.(report)
}
