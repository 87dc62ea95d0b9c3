/** Writes the Grafana dashboards to helm/fovea/dashboards: `node scripts/gen-dashboards.ts`. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dashboardFiles } from './dashboards/all.ts'

const folder = join(import.meta.dirname, '../helm/fovea/dashboards')
const files = dashboardFiles()

mkdirSync(folder, { recursive: true })
for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name))
for (const [name, text] of files) writeFileSync(join(folder, name), text)
console.log(`${files.size} dashboards in ${folder}`)
