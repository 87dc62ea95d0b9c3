import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { type HubbleConfig, hubbleConfig } from '../../src/exporters/hubble/config.ts'
import { HubbleExporter } from '../../src/exporters/hubble/exporter.ts'
import { EndpointTable } from '../../src/flow/endpoint.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { createContext, type RecordingContext } from './create-context.ts'
import { peer } from './peers.ts'

/** A hubble exporter that listens, with what a test needs of its surroundings. */
export interface RunningHubble {
  exporter: HubbleExporter
  context: RecordingContext
  endpoints: EndpointTable
  config: HubbleConfig
  /** For the CLI's `--server`. */
  server: string
  stop(): Promise<void>
}

/** The exporter's settings: defaults on a free port of 127.0.0.1, for clients that ask faster than people, changed by `settings`. */
export function hubbleSettings(settings: Partial<HubbleConfig> = {}): HubbleConfig {
  const defaults = defaultsOf(hubbleConfig.schema) as unknown as HubbleConfig
  const per_client = { ...defaults.per_client, requests_per_second: 0 }
  return { ...defaults, endpoint: '127.0.0.1:0', per_client, ...settings }
}

/** Starts a hubble exporter. @param nodeName of its flows */
export async function startHubble(settings: Partial<HubbleConfig> = {}, nodeName = 'node-1'): Promise<RunningHubble> {
  const endpoints = new EndpointTable()
  const context = Object.assign(createContext('exporter', 'hubble'), { endpoints, nodeName })
  const config = hubbleSettings(settings)
  const exporter = new HubbleExporter(context, config)
  try {
    await exporter.start()
  } catch (error) {
    await exporter.shutdown(Date.now())
    throw error
  }
  const server = exporter.endpoint || `unix://${config.unix_socket.path}`
  return { exporter, context, endpoints, config, server, stop: () => exporter.shutdown(Date.now() + 2_000) }
}

export interface CliResult {
  code: number
  stdout: string
  stderr: string
  /** Lines of `stdout`. */
  lines: string[]
}

/** Runs the real `hubble` against a server until it ends, or for at most `timeoutMs`. */
export function hubble(server: string, args: readonly string[], timeoutMs = 30_000): Promise<CliResult> {
  const environment = { ...process.env, HOME: tmpdir(), TZ: 'UTC' }
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: 256 * 1024 * 1024, env: environment }
    execFile(peer('hubble'), ['--server', server, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? 1)
      resolve({ code, stdout, stderr, lines: stdout.split('\n').filter((line) => line !== '') })
    })
  })
}
