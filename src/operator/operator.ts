import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import { openAccess } from '../kubernetes/access.ts'
import { ENDPOINT_SLICES, ENDPOINTS, IDENTITIES } from '../kubernetes/cilium.ts'
import { ApiClient } from '../kubernetes/client.ts'
import { EventRecorder } from '../kubernetes/event-recorder.ts'
import { RateLimit } from '../kubernetes/rate-limit.ts'
import { addProcessMetrics } from '../pipeline/process-metrics.ts'
import { Telemetry } from '../pipeline/telemetry.ts'
import { findCiliumOperator } from './cilium-guard.ts'
import { Controller } from './controller.ts'
import { awaitCrds, installCrds } from './crds.ts'
import { OperatorHttp } from './http.ts'
import { LeaderElection } from './leader-election.ts'
import { MANAGER } from './managed.ts'
import type { OperatorSettings } from './settings.ts'
import { untilAnswered } from './until-answered.ts'

/** Answers to requests under way are waited for at the end. */
const SHUTDOWN_MS = 5_000

/** How often a leader looks whether a Cilium operator has appeared; no more seldom than it collects identities. */
const GUARD_MS = 60_000

/** The whole operator: one process of it works at a time, the others stand by. */
export class Operator {
  readonly #settings: OperatorSettings
  readonly #log: Logger
  readonly #version: string
  readonly telemetry = new Telemetry()
  #election: LeaderElection | undefined
  #controller: Controller | undefined

  constructor(settings: OperatorSettings, log: Logger, version: string) {
    this.#settings = settings
    this.#log = log
    this.#version = version
  }

  /** Runs until the signal. @throws Error that ends the operator: no cluster, no permission, Cilium beside it */
  async run(signal: AbortSignal): Promise<void> {
    const access = await openAccess(this.#settings)
    const userAgent = `fovea-operator/${this.#version}`
    const own = { telemetry: this.telemetry, userAgent }
    // The Lease must be renewed however long the queue for writes is.
    const direct = new ApiClient(access, own)
    const client = new ApiClient(access, { ...own, limiter: new RateLimit(this.#settings.qps, this.#settings.burst) })
    const namespace = this.#settings.namespace === '' ? access.namespace : this.#settings.namespace
    this.#log.info(`cluster ${access.description}`)
    const http = await this.#listen()
    const endMetrics = addProcessMetrics(this.telemetry)
    try {
      if (this.#settings.installCrds)
        await untilAnswered(() => installCrds(direct, this.#log, signal), this.#log, signal)
      await this.#takeTurns(client, direct, namespace, signal)
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      endMetrics()
      await http.shutdown(Date.now() + SHUTDOWN_MS)
      access.close()
    }
  }

  async #takeTurns(client: ApiClient, direct: ApiClient, namespace: string, signal: AbortSignal): Promise<void> {
    const identity = `${hostname()}_${randomBytes(4).toString('hex')}`
    const term = (during: AbortSignal) => this.#term(client, direct, identity, during)
    if (!this.#settings.leaderElect) return term(signal)
    const { leaseName: name, leaseDurationMs, renewDeadlineMs, retryPeriodMs } = this.#settings
    const timing = { durationMs: leaseDurationMs, deadlineMs: renewDeadlineMs, retryMs: retryPeriodMs }
    const election = new LeaderElection({ client: direct, log: this.#log, namespace, name, identity, ...timing })
    this.#election = election
    const endGauge = this.telemetry.gauge(
      'fovea_operator_leader',
      '1 = this process works.',
      {},
      () => +election.leading,
    )
    try {
      while (!signal.aborted) await election.lead(term, signal)
    } finally {
      endGauge()
    }
  }

  /** One term as leader. */
  async #term(client: ApiClient, direct: ApiClient, instance: string, signal: AbortSignal): Promise<void> {
    const { telemetry } = this
    const log = this.#log
    const settings = this.#settings
    const beside = await untilAnswered(() => this.#findCilium(direct, signal), log, signal)
    if (beside !== undefined) throw besideCilium(beside)
    const endpoints = settings.endpointSlices ? ENDPOINT_SLICES : ENDPOINTS
    await untilAnswered(() => awaitCrds(direct, [IDENTITIES, endpoints], log, signal), log, signal)
    const events = new EventRecorder({ client: direct, telemetry, log, component: MANAGER, instance })
    const guard = new AbortController()
    const during = AbortSignal.any([signal, guard.signal])
    let appeared: string | undefined
    const look = async () => {
      // An API server that is away is the informers' matter.
      appeared = await this.#findCilium(direct, during).catch(() => undefined)
      if (appeared !== undefined) guard.abort()
    }
    const watching = setInterval(look, Math.min(GUARD_MS, settings.gcIntervalMs))
    this.#controller = new Controller({ client, settings, telemetry, log, events })
    try {
      await this.#controller.run(during)
      if (appeared !== undefined) throw besideCilium(appeared)
    } finally {
      clearInterval(watching)
      this.#controller = undefined
      await events.flush()
    }
  }

  async #findCilium(client: ApiClient, signal: AbortSignal): Promise<string | undefined> {
    return this.#settings.allowCilium ? undefined : findCiliumOperator(client, signal)
  }

  async #listen(): Promise<OperatorHttp> {
    const probes = { healthz: () => undefined, readyz: () => this.#notReady() }
    const http = new OperatorHttp(this.#settings.endpoint, this.telemetry, probes, this.#log)
    await http.start()
    this.#log.info(`metrics at ${http.url}/metrics, health at /healthz and /readyz`)
    return http
  }

  /** A replica that stands by is ready, or a rolling update would wait for ever. */
  #notReady(): string | undefined {
    if (this.#controller?.ready === true) return undefined
    if (this.#controller !== undefined) return 'reading the cluster'
    const holder = this.#election?.holder ?? ''
    return holder === '' || this.#election?.leading === true ? 'no leader yet' : undefined
  }
}

function besideCilium(how: string): Error {
  return new Error(
    `a Cilium operator is at work (${how}): it makes identities and endpoints itself; use those, or run beside it with --allow-cilium`,
  )
}
