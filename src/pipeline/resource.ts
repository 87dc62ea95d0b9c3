import { hostname } from 'node:os'
import type { Telemetry } from './telemetry.ts'

/** Attributes of this service, and the node name that flows carry. */

export type Resource = Readonly<Record<string, string>>

/**
 * The defaults with what `service::telemetry::resource` adds; null takes one away.
 * @param instanceId stays the same over reloads
 */
export function serviceResource(
  configured: Readonly<Record<string, string | null>>,
  version: string,
  instanceId: string,
): Resource {
  const defaults = { 'service.name': 'fovea', 'service.version': version, 'service.instance.id': instanceId }
  const resource: Record<string, string> = {}
  for (const [name, value] of Object.entries({ ...defaults, ...configured })) if (value !== null) resource[name] = value
  return resource
}

/** `k8s.node.name` or `host.name` of the resource, else the host's own name. */
export function nodeNameOf(resource: Resource): string {
  return resource['k8s.node.name'] || resource['host.name'] || hostname()
}

/** Adds `target_info`, which carries the resource in Prometheus' world. Returns a function that takes it away. */
export function addTargetInfo(telemetry: Telemetry, resource: Resource): () => void {
  const labels = Object.entries(resource).map(([name, value]) => [name.replace(/[^a-zA-Z0-9_]/g, '_'), value] as const)
  const end = telemetry.gauge('target_info', 'Target metadata', Object.fromEntries(labels), () => 1)
  return () => {
    end()
    telemetry.forget('target_info')
  }
}
