import { statSync } from 'node:fs'
import { backupsOf, type FileSettingsOfTest, startFile } from '../support/file-exporter.ts'
import { numberedBatch } from '../support/flow-source.ts'
import { sampleBatch } from '../support/hubble-flows.ts'
import { TemporaryFolder } from '../support/temporary-folder.ts'

/** Cost of writing flows to files: lines a second, CPU and bytes of a line. Prints a table, asserts nothing. */

const ROWS = 8_192
const BATCHES = 24

const folder = new TemporaryFolder()
const results: Record<string, object> = {}

const MASK = ['time', 'verdict', 'IP', 'l4', 'source.pod_name', 'destination.pod_name']
const runs: { what: string; settings: FileSettingsOfTest }[] = [
  { what: 'whole flows', settings: {} },
  { what: '6 fields', settings: { field_mask: MASK } },
  { what: 'whole flows, rotated and compressed', settings: { rotation: { max_megabytes: 10, compress: true } } },
  {
    what: 'sums by source and verdict',
    settings: { field_aggregate: ['IP.source', 'verdict'], aggregation_interval: 1e6 },
  },
]
for (const { what, settings } of runs) results[what] = await measure(what, settings)
console.table(results)
folder.remove()

async function measure(what: string, { rotation, ...settings }: FileSettingsOfTest): Promise<object> {
  const path = folder.at(`${what.replaceAll(' ', '-')}/flows.log`)
  const file = await startFile({ path, queue_mib: 512, rotation: { max_megabytes: 10_000, ...rotation }, ...settings })
  file.exporter.consume(sampleBatch(file.endpoints)) // for the compiler
  const batch = numberedBatch(0, ROWS)
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  for (let i = 0; i < BATCHES; i++) file.exporter.consume(batch)
  await file.exporter.shutdown(Date.now() + 120_000)
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const flows = BATCHES * ROWS
  return {
    'flows/s': Math.round(flows / seconds).toLocaleString('en'),
    'µs CPU/flow': ((user + system) / flows).toFixed(1),
    'bytes/flow': Math.round(file.metric('fovea_file_written_bytes') / flows),
    'bytes on disk/flow': Math.round(
      [path, ...backupsOf(path)].reduce((sum, name) => sum + statSync(name).size, 0) / flows,
    ),
  }
}
