import type { Resource } from '../resource.ts'

/** `fovea/1.2.3` */
export function userAgent(resource: Resource): string {
  return `fovea/${resource['service.version'] ?? 'unknown'}`
}
