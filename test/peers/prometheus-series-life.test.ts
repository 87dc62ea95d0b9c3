import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type PrometheusConfig, prometheusConfig } from '../../src/exporters/prometheus/config.ts'
import { PrometheusExporter } from '../../src/exporters/prometheus/exporter.ts'
import { EndpointTable, endpoint } from '../../src/flow/endpoint.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type HubbleMetricsConfig, hubbleMetricsConfig } from '../../src/processors/hubble_metrics/config.ts'
import { HubbleMetricsConnector } from '../../src/processors/hubble_metrics/connector.ts'
import { createContext } from '../support/create-context.ts'
import { eventually } from '../support/eventually.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'
import { PrometheusServer } from '../support/prometheus.ts'

const PACKETS = 'fovea_flow_packets_total'

/** Pods that talk to themselves, counted by a connector that a real Prometheus scrapes. */
class Scraped {
  readonly #endpoints = new EndpointTable()
  readonly #connector: HubbleMetricsConnector
  readonly #exporter: PrometheusExporter
  readonly #prometheus = new PrometheusServer()

  constructor() {
    const defaults = defaultsOf(hubbleMetricsConfig.schema) as unknown as HubbleMetricsConfig
    const context = { ...createContext('connector', 'hubble_metrics'), endpoints: this.#endpoints }
    this.#connector = new HubbleMetricsConnector(context, { ...defaults, ends: 'pod', gone_series_ttl: 200 })
    const scrapes = defaultsOf(prometheusConfig.schema) as unknown as PrometheusConfig
    this.#exporter = new PrometheusExporter(
      createContext('exporter', 'prometheus'),
      { ...scrapes, endpoint: '127.0.0.1:0' },
      [this.#connector.source],
    )
  }

  async start(): Promise<void> {
    await this.#connector.start()
    await this.#exporter.start()
    await this.#prometheus.start(this.#exporter.port)
  }

  async stop(): Promise<void> {
    await this.#prometheus.stop()
    await this.#exporter.shutdown(0)
    await this.#connector.shutdown()
  }

  come(podName: string): number {
    return this.#endpoints.add(endpoint({ namespace: 'shop', podName }))
  }

  go(id: number): void {
    this.#endpoints.depart(id)
  }

  send(id: number, packets: number): void {
    const batch = flowBatch([{ ...TCP_SYN, packets, bytes: 100 * packets }])
    batch.columns.sourceEndpoint[0] = id
    batch.columns.destinationEndpoint[0] = id
    this.#connector.consume(batch)
  }

  /** Of the packets of a pod; undefined = Prometheus has no series. */
  async told(pod: string, expression = (series: string) => series): Promise<number | undefined> {
    const [sample] = await this.#prometheus.query(expression(`${PACKETS}{source_pod="${pod}"}`))
    return sample?.value
  }

  tells(pod: string, value: number | undefined): Promise<true> {
    return eventually(`${value} packets of ${pod}`, async () => (await this.told(pod)) === value || undefined)
  }
}

const life = suite('life of a series, as a real Prometheus sees it')

life(
  'a pod that goes ends its series; when it is back, increase() counts anew, and no other counter falls',
  async () => {
    const scraped = new Scraped()
    await scraped.start()
    try {
      const stays = scraped.come('db-0')
      const goes = scraped.come('cart-1')
      scraped.send(stays, 5)
      scraped.send(goes, 100)
      await scraped.tells('cart-1', 100)
      scraped.go(goes)
      // A stale marker: without it the last value would be shown for five minutes.
      await scraped.tells('cart-1', undefined)
      scraped.send(stays, 2)
      await scraped.tells('db-0', 7)
      scraped.send(scraped.come('cart-1'), 3)
      await scraped.tells('cart-1', 3)
      const over = (what: string) => (series: string) => `${what}(${series}[1h])`
      assert.is(await scraped.told('cart-1', over('resets')), 1)
      assert.is(await scraped.told('cart-1', over('max_over_time')), 100)
      const increase = (await scraped.told('cart-1', over('increase'))) ?? 0
      // What came since, a little more by extrapolation; the hundred of before are no increase again.
      assert.ok(increase >= 3 && increase < 50, `${increase}`)
      assert.is(await scraped.told('db-0', over('resets')), 0)
    } finally {
      await scraped.stop()
    }
  },
)

life.run()
