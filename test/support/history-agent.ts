import { setTimeout } from 'node:timers/promises'
import { numberedBatch } from './flow-source.ts'
import { startHubble } from './hubble.ts'
import { sampleBatch } from './hubble-flows.ts'

/**
 * A process with a hubble exporter that keeps its history in a directory: to be killed. Arguments: the directory, and flows
 * a second (0 = the sample alone). Writes its server, then `<flows so far>` every 50 ms.
 */
const [directory = '', perSecond = '0'] = process.argv.slice(2)
const { server, exporter, endpoints } = await startHubble({
  max_flows: 16,
  history: { directory, max_bytes: 64 * 1024 * 1024, max_age: 3_600_000 },
})
exporter.consume(sampleBatch(endpoints))
process.stdout.write(`${server}\n`)
const rows = Math.round(Number(perSecond) / 20)
for (let sent = 0; rows > 0; sent += rows) {
  exporter.consume(numberedBatch(sent, rows))
  process.stdout.write(`${sent + rows}\n`)
  await setTimeout(50)
}
// Without flows to come, it waits for its end.
await setTimeout(60_000)
