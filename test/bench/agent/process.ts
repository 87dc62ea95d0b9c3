import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** CPU seconds used by all threads of a process that live now (schedstat counts nanoseconds, /proc/PID/stat only ticks of 10 ms). */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return nanoseconds / 1e9
}

/** Resident memory in MiB: now, and the most it has ever been. */
export function residentMiB(pid: number): { now: number; most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (field: string) => Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) / 1024
  return { now: read('VmRSS'), most: read('VmHWM') }
}

/** Runs and run time of BPF programs; nanoseconds are counted while kernel.bpf_stats_enabled is 1. */
export interface BpfRuns {
  runs: number
  nanoseconds: number
}

/** BPF_PROG_TYPE_SCHED_CLS (linux/bpf.h): what is attached to interfaces. */
const SCHED_CLS = 3

/** What the BPF programs that a process holds have run so far: those on interfaces, and all others. Source: /proc/PID/fdinfo. */
export function bpfRuns(pid: number): { interfaces: BpfRuns; others: BpfRuns } {
  const sums = { interfaces: { runs: 0, nanoseconds: 0 }, others: { runs: 0, nanoseconds: 0 } }
  const seen = new Set<number>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const info = programInfo(pid, fd)
    if (info === undefined || seen.has(info.id)) continue
    seen.add(info.id)
    const sum = info.type === SCHED_CLS ? sums.interfaces : sums.others
    sum.runs += info.runs
    sum.nanoseconds += info.nanoseconds
  }
  return sums
}

function programInfo(
  pid: number,
  fd: string,
): { id: number; type: number; runs: number; nanoseconds: number } | undefined {
  try {
    if (!readlinkSync(`/proc/${pid}/fd/${fd}`).includes('bpf-prog')) return undefined
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    const read = (field: string) => Number(new RegExp(`^${field}:\\s*(\\d+)$`, 'm').exec(text)?.[1] ?? 0)
    return { id: read('prog_id'), type: read('prog_type'), runs: read('run_cnt'), nanoseconds: read('run_time_ns') }
  } catch {
    return undefined // closed since the folder was read
  }
}
