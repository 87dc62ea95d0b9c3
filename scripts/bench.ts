/**
 * Runs the benches as dist/ has them, one after the other, each in a process of its own; each prints its own table.
 *
 *   npm run bench                        all
 *   npm run bench -- decode              those whose name contains a word
 *   npm run bench -- agent --seconds 5   options go to the bench
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

const folder = join(dirname(import.meta.dirname), 'dist/test/bench')
const firstOption = process.argv.findIndex((argument, i) => i > 1 && argument.startsWith('-'))
const words = process.argv.slice(2, firstOption === -1 ? undefined : firstOption)
const options = firstOption === -1 ? [] : process.argv.slice(firstOption)

const benches = readdirSync(folder)
  .filter((file) => file.endsWith('.js'))
  .map((file) => basename(file, '.js'))
const chosen = benches.filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
if (chosen.length === 0) {
  console.error(`no bench is called ${words.join(' or ')}; there are ${benches.join(', ')}`)
  process.exitCode = 1
}
for (const name of chosen) {
  console.log(`\n── ${name}`)
  const { status } = spawnSync(process.execPath, [join(folder, `${name}.js`), ...options], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
