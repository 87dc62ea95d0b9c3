import { hostname } from 'node:os'
import { detectResources, envDetector, type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import type { ResourceValue } from '../../flow/otlp-request.ts'
import type { Resource as ServiceResource } from '../resource.ts'

/**
 * Attributes of the observer from variables that a pod's downward API fills (`valueFrom: fieldRef`), named as in the
 * Collector's and OpenTelemetry operator's examples.
 */
const DOWNWARD: Readonly<Record<string, string>> = {
  K8S_CLUSTER_NAME: 'k8s.cluster.name',
  K8S_NODE_NAME: 'k8s.node.name',
  K8S_NAMESPACE_NAME: 'k8s.namespace.name',
  K8S_POD_NAME: 'k8s.pod.name',
  K8S_POD_UID: 'k8s.pod.uid',
}

/**
 * The observer: this service on this host, in this pod. `service::telemetry::resource` wins over what the pod says, and
 * `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME` over both.
 */
export function observerResource(service: ServiceResource, env: NodeJS.ProcessEnv = process.env): Resource {
  const downward = Object.entries(DOWNWARD).flatMap(([variable, name]) =>
    env[variable] ? [[name, env[variable]]] : [],
  )
  const observer = resourceFromAttributes({ 'host.name': hostname(), ...Object.fromEntries(downward), ...service })
  return observer.merge(detectResources({ detectors: [envDetector] }))
}

/** The same as plain attributes. */
export function observerAttributes(service: ServiceResource): Record<string, ResourceValue> {
  const { attributes } = observerResource(service)
  const known = Object.entries(attributes).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(known) as Record<string, ResourceValue>
}
