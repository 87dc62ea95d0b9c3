import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { parse } from 'yaml'
import { hasStatus } from '../kubernetes/api-error.ts'
import type { ApiClient } from '../kubernetes/client.ts'
import type { ObjectMeta } from '../kubernetes/object.ts'
import { type Resource, resourceName } from '../kubernetes/resource.ts'
import { isOurs, MANAGER } from './managed.ts'

const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' }

/** The manifests, which the chart ships too. */
const FOLDER = new URL(`${import.meta.url.endsWith('.ts') ? '../..' : '../../..'}/helm/fovea/crds/`, import.meta.url)

/** How long the API server may take until it serves a new definition. */
const ESTABLISH_MS = 30_000

interface Definition {
  metadata: ObjectMeta
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

/**
 * Installs or updates the definitions of CiliumIdentity, CiliumEndpoint and CiliumEndpointSlice, and waits until they are served.
 * Definitions that somebody else installed (Cilium) stay as they are.
 * @throws Error that names the definition at fault
 */
export async function installCrds(client: ApiClient, log: Logger, signal: AbortSignal): Promise<void> {
  for (const file of (await readdir(FOLDER)).filter((name) => name.endsWith('.yaml')).sort()) {
    const manifest = parse(await readFile(new URL(file, FOLDER), 'utf8')) as Definition
    const { name } = manifest.metadata
    const known = await read(client, name, signal)
    if (known !== undefined && !isOurs(known.metadata)) {
      log.info(`CRD ${name} is there already and not of this operator: left as it is`)
      continue
    }
    await client.apply(CRDS, name, manifest, MANAGER, signal)
    await established(client, name, signal)
    log.info(`CRD ${name} ${known === undefined ? 'installed' : 'up to date'}`)
  }
}

/** Waits until these resources exist, saying once what to do. */
export async function awaitCrds(
  client: ApiClient,
  resources: readonly Resource[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const resource of resources) {
    for (let told = false; !(await served(client, resource, signal)); told = true) {
      const advice = 'install helm/fovea/crds, or run with --install-crds'
      if (!told) log.warn(`the CRD ${resourceName(resource)} is not installed: ${advice}; waiting for it`)
      await sleep(2_000, undefined, { signal })
    }
  }
}

async function served(client: ApiClient, resource: Resource, signal: AbortSignal): Promise<boolean> {
  try {
    await client.list(resource, { query: { limit: 1 } }, signal)
    return true
  } catch (error) {
    if (hasStatus(error, 404)) return false
    throw error
  }
}

async function established(client: ApiClient, name: string, signal: AbortSignal): Promise<void> {
  const endMs = Date.now() + ESTABLISH_MS
  for (;;) {
    const conditions = (await read(client, name, signal))?.status?.conditions ?? []
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return
    const fault = conditions.find(({ type, status }) => type === 'NonStructuralSchema' && status === 'True')
    if (fault !== undefined || Date.now() > endMs)
      throw new Error(`CRD ${name} is not served: ${fault?.message ?? `not established within ${ESTABLISH_MS} ms`}`)
    await sleep(100, undefined, { signal })
  }
}

async function read(client: ApiClient, name: string, signal: AbortSignal): Promise<Definition | undefined> {
  try {
    return await client.get<Definition>(CRDS, { name }, signal)
  } catch (error) {
    if (hasStatus(error, 404)) return undefined
    throw error
  }
}
