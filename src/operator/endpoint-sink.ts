import type { Logger } from 'pino'
import type { ApiClient } from '../kubernetes/client.ts'
import type { InformerTiming } from '../kubernetes/informer.ts'
import type { Labels } from '../kubernetes/security-labels.ts'
import type { Telemetry } from '../pipeline/telemetry.ts'
import type { Pod } from './pod.ts'

/** A pod with the identity it has got. */
export interface EndpointChange {
  pod: Pod
  identity: number
  /** The identity's labels: `k8s:key` → value. */
  labels: Labels
}

export interface SinkOptions {
  client: ApiClient
  telemetry: Telemetry
  log: Logger
  /** Told of pods (`namespace/name`) whose endpoint somebody changed. */
  changed(key: string): void
  timing?: Partial<InformerTiming>
}

/** Where endpoints are written to: an object for each pod, or slices. Keys are `namespace/name` of the pod. */
export interface EndpointSink {
  readonly informer: { start(): void; readonly synced: boolean; readonly size: number }
  /** Makes the endpoint so; does nothing when it is. @throws ApiError, also 409 for a conflict: try again later */
  put(key: string, change: EndpointChange, signal: AbortSignal): Promise<void>
  remove(key: string, signal: AbortSignal): Promise<void>
  /** Pods that have an endpoint. */
  keys(): Iterable<string>
  /** Pods whose endpoint has this identity. */
  keysOf(identity: number): Iterable<string>
  /** Numbers in use, also by endpoints of others; some more than once. */
  identities(): Iterable<number>
  /** Whether all that was put is in the cluster. */
  readonly written: boolean
  /** Ends watch and writes. */
  stop(): Promise<void>
}
