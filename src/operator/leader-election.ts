import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { hasStatus } from '../kubernetes/api-error.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import type { Resource } from '../kubernetes/resource.ts'

export const LEASES: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' }

export interface Lease {
  apiVersion: 'coordination.k8s.io/v1'
  kind: 'Lease'
  metadata: Partial<ObjectMeta> & { name: string }
  spec: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    /** RFC 3339 with microseconds. */
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

export interface LeaderElectionOptions {
  client: ApiClient
  log: Logger
  namespace: string
  name: string
  /** Unlike that of any other replica. */
  identity: string
  /** Others take over when the holder was silent for so long. */
  durationMs: number
  /** The holder gives up when it could not renew for so long: shorter, so that there is never a second one. */
  deadlineMs: number
  retryMs: number
  random?: () => number
}

/**
 * Says which of several replicas works, by a Lease. How old a holder's sign of life is, is measured by the own clock since it was
 * first seen (as client-go does), so clocks need not agree.
 */
export class LeaderElection {
  readonly #options: LeaderElectionOptions
  #seen = { sign: '', atMs: 0 }
  #holder = ''

  constructor(options: LeaderElectionOptions) {
    this.#options = options
  }

  /** Who holds the Lease, as last seen; `''` = nobody. */
  get holder(): string {
    return this.#holder
  }

  get leading(): boolean {
    return this.#holder === this.#options.identity
  }

  /**
   * Waits for the Lease, then runs `work` until it ends or the Lease is lost; its signal says so. The Lease is given back at the end.
   * @throws what `work` throws, and the signal's reason
   */
  async lead(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    await this.#acquire(signal)
    const leading = new AbortController()
    const renewing = this.#renew(AbortSignal.any([signal, leading.signal])).finally(() => leading.abort())
    try {
      await work(AbortSignal.any([signal, leading.signal]))
    } finally {
      leading.abort()
      await renewing
      await this.#release()
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    const { retryMs, random = Math.random, log, identity } = this.#options
    let told = ''
    for (;;) {
      try {
        if (await this.#try(signal)) break
        if (told !== this.#holder) log.info(`${this.#name}: ${this.#holder} is the leader; standing by as ${identity}`)
        told = this.#holder
      } catch (error) {
        signal.throwIfAborted()
        const { message } = error as Error
        if (told !== message) log.warn(`${this.#name}: ${message}; trying again`)
        told = message
      }
      await sleep(retryMs * (1 + random() * 0.2), undefined, { signal })
    }
    log.info(`${this.#name}: leading as ${identity}`)
  }

  /** Renews until the signal, or until the Lease is lost. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { retryMs, deadlineMs, log } = this.#options
    let renewedMs = performance.now()
    while (!signal.aborted) {
      try {
        await sleep(retryMs, undefined, { signal })
        const timeout = AbortSignal.timeout(Math.max(Math.ceil(renewedMs + deadlineMs - performance.now()), 1))
        if (!(await this.#try(AbortSignal.any([signal, timeout])))) {
          log.warn(`${this.#name}: lost to ${this.#holder}`)
          return
        }
        renewedMs = performance.now()
      } catch (error) {
        if (signal.aborted) return
        if (performance.now() - renewedMs < deadlineMs) continue
        this.#holder = ''
        log.warn(`${this.#name}: given up, not renewed for ${deadlineMs} ms: ${(error as Error).message}`)
        return
      }
    }
  }

  /** Takes or renews the Lease. @returns whether it is ours */
  async #try(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name } = this.#options
    let lease: Lease
    try {
      lease = await client.get<Lease>(LEASES, { namespace, name }, signal)
    } catch (error) {
      if (!hasStatus(error, 404)) throw error
      return this.#write(() => client.create<Lease>(LEASES, { namespace }, this.#mine(undefined), signal))
    }
    this.#holder = lease.spec.holderIdentity ?? ''
    if (!this.leading && !this.#expired(lease)) return false
    return this.#write(() => client.replace<Lease>(LEASES, { namespace, name }, this.#mine(lease), signal))
  }

  /** @returns false when another was faster */
  async #write(write: () => Promise<Lease>): Promise<boolean> {
    try {
      this.#holder = (await write()).spec.holderIdentity ?? ''
      return this.leading
    } catch (error) {
      if (!hasStatus(error, 409)) throw error
      return false
    }
  }

  #expired({ spec }: Lease): boolean {
    if (this.#holder === '') return true
    const sign = `${spec.holderIdentity} ${spec.renewTime}`
    if (sign !== this.#seen.sign) this.#seen = { sign, atMs: performance.now() }
    return performance.now() - this.#seen.atMs > (spec.leaseDurationSeconds ?? 0) * 1_000
  }

  #mine(before: Lease | undefined): Lease {
    const { name, identity, durationMs } = this.#options
    const now = new Date().toISOString().replace('Z', '000Z')
    const held = before?.spec.holderIdentity === identity
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      // The version makes the write fail when another has written since.
      metadata: { name, ...(before && { resourceVersion: before.metadata.resourceVersion ?? '' }) },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(durationMs / 1_000),
        acquireTime: (held ? before.spec.acquireTime : undefined) ?? now,
        renewTime: now,
        leaseTransitions: (before?.spec.leaseTransitions ?? 0) + (held || before === undefined ? 0 : 1),
      },
    }
  }

  /** Lets the next one begin at once instead of after `durationMs`. */
  async #release(): Promise<void> {
    const { client, namespace, name, log, deadlineMs } = this.#options
    if (!this.leading) return
    this.#holder = ''
    try {
      const signal = AbortSignal.timeout(deadlineMs)
      const lease = await client.get<Lease>(LEASES, { namespace, name }, signal)
      if (lease.spec.holderIdentity !== this.#options.identity) return
      lease.spec.holderIdentity = ''
      await client.replace(LEASES, { namespace, name }, lease, signal)
    } catch (error) {
      log.debug({ err: error }, `${this.#name}: not given back; it runs out by itself`)
    }
  }

  get #name(): string {
    return `lease ${this.#options.namespace}/${this.#options.name}`
  }
}
