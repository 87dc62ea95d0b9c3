import { hostname } from 'node:os'
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import type { Resource as ServiceResource } from '../../pipeline/resource.ts'

/** The observer: this service on this host. `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` win over it. */
export function observerResource(service: ServiceResource): Resource {
  const observer = resourceFromAttributes({ 'host.name': hostname(), ...service })
  return observer.merge(detectResources({ detectors: [envDetector] }))
}
