import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { peer } from './peers.ts'

/** One series of an instant query. */
export interface Sample {
  metric: Record<string, string>
  value: number
}

/** An exemplar as Prometheus stored it. */
export interface StoredExemplar {
  /** Labels of its series, name included. */
  series: Record<string, string>
  traceId: string
  value: number
  /** Unix milliseconds. */
  timeMs: number
}

/** A real Prometheus that scrapes every 200 ms. */
export class PrometheusServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'fovea-prometheus-'))
  #process: ChildProcess | undefined
  #port = 0

  /**
   * @param targets ports of 127.0.0.1
   * @param scrape further settings of the scrape job, as YAML in flow style: `scheme: https, …`
   * @param flags of the command line, besides those that every test needs
   * @param rules files of rules, evaluated every second
   */
  async start(
    targets: number | readonly number[],
    scrape = 'scheme: http',
    flags: readonly string[] = [],
    rules: readonly string[] = [],
  ): Promise<void> {
    this.#port = await freePort()
    const addresses = [targets].flat().map((port) => `127.0.0.1:${port}`)
    const config = join(this.#folder, 'prometheus.yml')
    writeFileSync(
      config,
      `global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 1s}
rule_files: ${JSON.stringify(rules)}
scrape_configs:
  - {job_name: fovea, static_configs: [{targets: ${JSON.stringify(addresses)}}], ${scrape}}
`,
    )
    const child = spawn(peer('prometheus'), [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(this.#folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${this.#port}`,
      // The first scrape waits for it, 5 s by default.
      '--scrape.discovery-reload-interval=100ms',
      ...flags,
    ])
    this.#process = child
    let log = ''
    child.stderr.on('data', (data) => {
      log += data
    })
    await eventually('prometheus to start', () => {
      if (child.exitCode !== null) throw new Error(`prometheus ended:\n${log}`)
      return log.includes('Server is ready') || undefined
    })
  }

  /** Of its web server, once started. */
  get port(): number {
    return this.#port
  }

  /** An instant query. @throws Error with what Prometheus says of a wrong one */
  async query(expression: string): Promise<Sample[]> {
    const { data, error } = (await this.#get(`query?query=${encodeURIComponent(expression)}`)) as {
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] }
      error?: string
    }
    if (data === undefined) throw new Error(`prometheus: ${error}: ${expression}`)
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
  }

  /** Names of metrics, or values of another label, that it knows of. */
  async labelValues(label = '__name__'): Promise<string[]> {
    return ((await this.#get(`label/${label}/values`)) as { data: string[] }).data
  }

  /** Type, unit and help that it knows of a metric. */
  async metadata(metric: string): Promise<{ type: string; unit: string; help: string } | undefined> {
    const { data } = (await this.#get(`metadata?metric=${metric}`)) as {
      data: Record<string, { type: string; unit: string; help: string }[]>
    }
    return data[metric]?.[0]
  }

  /** Why the last scrape failed; `''` = it did not, undefined = there was none. */
  async scrapeError(): Promise<string | undefined> {
    const { data } = (await this.#get('targets')) as {
      data: { activeTargets: { health: string; lastError: string }[] }
    }
    const [target] = data.activeTargets
    return target === undefined || target.health === 'unknown' ? undefined : target.lastError
  }

  /** Exemplars of the series that an expression selects; needs `--enable-feature=exemplar-storage`. */
  async exemplars(expression: string): Promise<StoredExemplar[]> {
    const query = `query=${encodeURIComponent(expression)}&start=1&end=${Math.ceil(Date.now() / 1_000) + 60}`
    const { data } = (await this.#get(`query_exemplars?${query}`)) as {
      data: {
        seriesLabels: Record<string, string>
        exemplars: { labels: { traceID: string }; value: string; timestamp: number }[]
      }[]
    }
    return data.flatMap(({ seriesLabels, exemplars }) =>
      exemplars.map(({ labels, value, timestamp }) => ({
        series: seriesLabels,
        traceId: labels.traceID,
        value: Number(value),
        timeMs: Math.round(timestamp * 1_000),
      })),
    )
  }

  async stop(): Promise<void> {
    const child = this.#process
    if (child !== undefined && child.exitCode === null) {
      child.kill()
      await once(child, 'exit')
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #get(path: string): Promise<unknown> {
    return (await fetch(`http://127.0.0.1:${this.#port}/api/v1/${path}`)).json()
  }
}

/** What `promtool check metrics` says of an exposition; `''` = nothing wrong. */
export function checkMetrics(text: string): string {
  try {
    execFileSync(peer('promtool'), ['check', 'metrics'], { input: text, stdio: 'pipe' })
    return ''
  } catch (error) {
    return String((error as { stderr: Buffer }).stderr)
  }
}
