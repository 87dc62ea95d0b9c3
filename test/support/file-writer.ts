import { startFile } from './file-exporter.ts'
import { numberedBatch } from './flow-source.ts'

/**
 * A process that writes flows to a file as fast as it can, rotates and compresses all the time, until it is killed.
 * Arguments: the path.
 */
const path = process.argv[2]!
const file = await startFile({ path, rotation: { max_megabytes: 1, max_backups: 4, compress: true } })
for (let from = 0; ; from += 500) {
  if (file.metric('fovea_exporter_queue_bytes') < 1024 * 1024) file.exporter.consume(numberedBatch(from, 500))
  await new Promise((resolve) => setImmediate(resolve))
}
