import { performance } from 'node:perf_hooks'
import type { Telemetry } from './telemetry.ts'

/**
 * Adds the Collector's metrics of the process itself (`otelcol_process_*`), and how busy the main thread is. Returns a function
 * that ends them.
 */
export function addProcessMetrics(telemetry: Telemetry): () => void {
  const counters = [
    processCounter(telemetry, 'uptime', 's', 'Seconds since the process started.', () => process.uptime()),
    processCounter(telemetry, 'cpu_seconds', 's', 'CPU time, user and system, of all threads.', cpuSeconds),
    eventLoopCounter(telemetry),
  ]
  const gauges = [
    processGauge(telemetry, 'memory_rss', 'Resident memory.', () => process.memoryUsage.rss()),
    processGauge(
      telemetry,
      'runtime_heap_alloc_bytes',
      'Heap in use by JavaScript.',
      () => process.memoryUsage().heapUsed,
    ),
    processGauge(telemetry, 'runtime_total_sys_memory_bytes', 'Heap and memory outside of it.', () => {
      const { heapTotal, external } = process.memoryUsage()
      return heapTotal + external
    }),
  ]
  return () => {
    for (const end of [...counters, ...gauges]) end()
  }
}

function processCounter(
  telemetry: Telemetry,
  name: string,
  unit: string,
  help: string,
  read: () => number,
): () => void {
  const family = telemetry.family({ name: `otelcol_process_${name}`, help, kind: 'counter', unit })
  const id = family.series()
  return telemetry.beforeRead(() => family.set(id, read()))
}

/** The loop counts its own time: no timer is needed. */
function eventLoopCounter(telemetry: Telemetry): () => void {
  const family = telemetry.family({
    name: 'fovea_process_event_loop_seconds',
    help: "Time of the main thread's event loop, working and waiting.",
    kind: 'counter',
    unit: 's',
    labels: ['state'],
  })
  const [active, idle] = [family.series('active'), family.series('idle')]
  return telemetry.beforeRead(() => {
    const used = performance.eventLoopUtilization()
    family.set(active, used.active / 1_000)
    family.set(idle, used.idle / 1_000)
  })
}

function processGauge(telemetry: Telemetry, name: string, help: string, read: () => number): () => void {
  return telemetry.gauge(`otelcol_process_${name}`, help, {}, read)
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
