/**
 * What the whole agent costs: throughput and latency of a forwarded path with and without it (runs interleaved), its CPU time per
 * million hooks (a packet seen at an interface is one), BPF run time, memory, lost records. Needs root. Prints a table, asserts nothing.
 *
 *   npm run bench -- agent [--repetitions 3] [--seconds 3] [--workloads crr,dns]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { markdownTable } from './agent/markdown.ts'
import { Bench, type Run } from './agent/measure.ts'
import { Network } from './agent/network.ts'
import { WORKLOADS, type Workload } from './agent/workloads.ts'

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    workloads: { type: 'string', default: WORKLOADS.map(({ name }) => name).join(',') },
  },
})
const repetitions = Number(values.repetitions)
const chosen = WORKLOADS.filter(({ name }) => values.workloads.split(',').includes(name))

const folder = mkdtempSync(join(tmpdir(), 'fovea-bench-'))
const network = new Network(`fovea-bench-${process.pid}`)
process.once('SIGINT', () => process.exit(130))
process.once('exit', () => {
  network.remove()
  rmSync(folder, { recursive: true, force: true })
})
network.create()
const bench = new Bench(network, folder, Number(values.seconds))
const stopServing = await bench.serve()
try {
  const rows = []
  for (const workload of chosen) rows.push(await row(workload))
  console.log(markdownTable(rows))
  console.log(`\nidle agent: ${(await bench.idleMiB()).toFixed(0)} MiB resident`)
} finally {
  stopServing()
}

async function row(workload: Workload) {
  const without: Run[] = []
  const withAgent: Run[] = []
  for (let i = 0; i < repetitions; i++) {
    process.stderr.write(`${workload.name}: repetition ${i + 1} of ${repetitions}\n`)
    if (i % 2 === 0) without.push(bench.without(workload))
    withAgent.push(await bench.with(workload))
    if (i % 2 === 1) without.push(bench.without(workload))
  }
  return summary(workload, { without, withAgent, timed: await bench.with(workload, true) })
}

interface Runs {
  without: readonly Run[]
  withAgent: readonly Run[]
  /** One more run with the agent in which BPF run time was counted. */
  timed: Run
}

function summary({ name, unit, per }: Workload, { without, withAgent, timed }: Runs) {
  const speed = (runs: readonly Run[]) => `${spread(runs.map((run) => run.operationsPerSecond / per))} ${unit}`
  const before = median(without.map((run) => run.operationsPerSecond))
  const after = median(withAgent.map((run) => run.operationsPerSecond))
  const usages = withAgent.map(({ hooks, usage }) => ({ hooks, ...usage! }))
  const { interfaces, others } = timed.usage!.bpf
  return {
    workload: name,
    'without agent': speed(without),
    'with agent': speed(withAgent),
    'change %': ((after / before - 1) * 100).toFixed(1),
    'p50 µs': `${median(without.map((run) => run.p50Us))} → ${median(withAgent.map((run) => run.p50Us))}`,
    'CPU s/M hooks': spread(usages.map(({ cpuSeconds, hooks }) => (cpuSeconds / hooks) * 1e6)),
    'BPF ns/hook': perRun(interfaces.nanoseconds, interfaces.runs),
    'others ns/hook': perRun(others.nanoseconds, timed.hooks),
    'RSS MiB': Math.max(...usages.map(({ residentMiB }) => residentMiB)).toFixed(0),
    records: Math.max(...usages.map(({ records }) => records)),
    deferred: Math.max(...usages.map(({ deferred }) => deferred)),
    lost: worstLoss(usages.map(({ losses }) => losses)),
  }
}

function perRun(nanoseconds: number, runs: number): string {
  return runs === 0 ? '–' : (nanoseconds / runs).toFixed(0)
}

/** The counters of loss that rose, each with the most it rose in one run. */
function worstLoss(runs: readonly Readonly<Record<string, number>>[]): string {
  const names = [...new Set(runs.flatMap((losses) => Object.keys(losses)))]
  const worst = names.map((name) => [name, Math.max(...runs.map((losses) => losses[name] ?? 0))] as const)
  const risen = worst.filter(([, value]) => value > 0).map(([name, value]) => `${name} ${value}`)
  return risen.length > 0 ? risen.join(', ') : '0'
}

/** least / median / most */
function spread(numbers: readonly number[]): string {
  return [Math.min(...numbers), median(numbers), Math.max(...numbers)]
    .map((number) => number.toPrecision(3))
    .join(' / ')
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
