import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A counter of a port: `sys/class/infiniband/<device>/ports/<port>/{counters,hw_counters}/<name>`. */
export interface PortCounter {
  device: string
  port: string
  name: string
  value: number
}

/** A debug value of an IP over InfiniBand interface: `sys/class/net/<interface>/debug/<name>`. */
export interface DebugStatus {
  interfaceName: string
  name: string
  value: number
}

export interface InfinibandStatistics {
  counters: PortCounter[]
  status: DebugStatus[]
  /** Files that could not be read, held no number, or were one too many. */
  leftOut: number
}

/** More files than any machine has: 16 devices of 2 ports with 128 counters. */
const MAX_FILES = 4_096

/** In `hw_counters` beside the counters: how long they are cached, a setting. */
const NOT_A_COUNTER = 'lifespan'

/** Reads what sysfs has of InfiniBand (Documentation/ABI/stable/sysfs-class-infiniband); nothing where there is none. */
export async function readInfiniband(sysPath: string): Promise<InfinibandStatistics> {
  const statistics: InfinibandStatistics = { counters: [], status: [], leftOut: 0 }
  const files = await counterFiles(join(sysPath, 'class/infiniband'))
  const debug = await debugFiles(join(sysPath, 'class/net'))
  statistics.leftOut = Math.max(0, files.length + debug.length - MAX_FILES)
  for (const { path, ...of } of files.slice(0, MAX_FILES)) {
    const value = await numberIn(path)
    if (value === undefined) statistics.leftOut++
    else statistics.counters.push({ ...of, value })
  }
  for (const { path, ...of } of debug.slice(0, MAX_FILES - Math.min(files.length, MAX_FILES))) {
    const value = await numberIn(path)
    if (value === undefined) statistics.leftOut++
    else statistics.status.push({ ...of, value })
  }
  return statistics
}

async function counterFiles(folder: string) {
  const files: { path: string; device: string; port: string; name: string }[] = []
  for (const device of await entries(folder))
    for (const port of await entries(join(folder, device, 'ports')))
      for (const kind of ['counters', 'hw_counters'])
        for (const name of await entries(join(folder, device, 'ports', port, kind)))
          if (name !== NOT_A_COUNTER)
            files.push({ path: join(folder, device, 'ports', port, kind, name), device, port, name })
  return files
}

async function debugFiles(folder: string) {
  const files: { path: string; interfaceName: string; name: string }[] = []
  for (const interfaceName of await entries(folder)) {
    if (!interfaceName.startsWith('ib')) continue
    for (const name of await entries(join(folder, interfaceName, 'debug')))
      files.push({ path: join(folder, interfaceName, 'debug', name), interfaceName, name })
  }
  return files
}

async function entries(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    // Not there, or (an entry of class/net that is no interface) not a folder.
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw cause
  }
}

/** Some drivers have files that refuse to be read (EINVAL, EOPNOTSUPP). */
async function numberIn(path: string): Promise<number | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    const value = text === '' ? Number.NaN : Number(text)
    return Number.isFinite(value) ? value : undefined
  } catch {
    return undefined
  }
}
