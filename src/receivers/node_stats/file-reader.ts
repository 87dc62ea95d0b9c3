import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NodeStatsConfig } from './config.ts'
import type { HostPaths } from './host-paths.ts'
import { readInfiniband } from './infiniband.ts'
import { namePatterns } from './name-patterns.ts'
import { type ProtocolStatistic, parsePairs, parseSnmp6, parseSockstat } from './proc-net.ts'
import type { ReadFailures } from './read-failures.ts'
import type { NodeReading } from './reading.ts'

/** What the kernel tells in files: statistics of protocols, sockets in use, InfiniBand. */
export class FileReader {
  /** Files of InfiniBand that could not be read at the last reading. */
  leftOut = 0
  readonly #config: NodeStatsConfig
  readonly #paths: HostPaths
  readonly #failures: ReadFailures
  readonly #isStatistic: (name: string) => boolean

  constructor(config: NodeStatsConfig, paths: HostPaths, failures: ReadFailures) {
    this.#config = config
    this.#paths = paths
    this.#failures = failures
    this.#isStatistic = namePatterns(config.protocols.statistics)
  }

  async read(): Promise<NodeReading> {
    const [protocols, infiniband] = await Promise.all([
      this.#config.protocols.enabled ? this.#readProtocols() : {},
      this.#config.infiniband.enabled ? this.#readInfiniband() : {},
    ])
    return { ...protocols, ...infiniband }
  }

  async #readProtocols(): Promise<NodeReading> {
    const [snmp, netstat, snmp6, sockstat, sockstat6] = await Promise.all([
      this.#parsed('snmp', parsePairs),
      this.#parsed('netstat', parsePairs),
      this.#parsed('snmp6', parseSnmp6),
      this.#parsed('sockstat', parseSockstat),
      this.#parsed('sockstat6', parseSockstat),
    ])
    const protocols = [...snmp, ...netstat, ...snmp6].filter(({ protocol, name }) =>
      this.#isStatistic(`${protocol}.${name}`),
    )
    return { protocols, sockets: [...sockstat, ...sockstat6] }
  }

  async #parsed(file: string, parse: (text: string) => ProtocolStatistic[]): Promise<ProtocolStatistic[]> {
    const path = join(this.#paths.procNet, file)
    try {
      return parse(await readFile(path, 'utf8'))
    } catch (cause) {
      // A kernel without IPv6.
      if (file.endsWith('6') && (cause as NodeJS.ErrnoException).code === 'ENOENT') return []
      this.#failures.thrown(`protocols/${file}`, path, cause)
      return []
    }
  }

  async #readInfiniband(): Promise<NodeReading> {
    try {
      const infiniband = await readInfiniband(this.#paths.sys)
      this.leftOut = infiniband.leftOut
      return { infiniband }
    } catch (cause) {
      this.#failures.thrown('infiniband', this.#paths.sys, cause)
      return {}
    }
  }
}
