import type { FlowBatch } from '../../flow/batch.ts'
import type { Ends } from '../../flow/ends.ts'
import type { HubbleEncoder } from '../../flow/hubble-encode.ts'
import type { CelSteps } from './cel-cost.ts'
import type { Selectors } from './label-selector.ts'
import type { Regexps } from './regexps.ts'

/** `flow.FlowFilter` as decoded: proto field names, enums as numbers, absent lists empty. */
export interface FlowFilter {
  uuid?: string[]
  source_ip?: string[]
  source_ip_xlated?: string[]
  source_pod?: string[]
  source_fqdn?: string[]
  source_label?: string[]
  source_service?: string[]
  source_workload?: WorkloadFilter[]
  source_cluster_name?: string[]
  source_port?: string[]
  source_identity?: number[]
  destination_ip?: string[]
  destination_pod?: string[]
  destination_fqdn?: string[]
  destination_label?: string[]
  destination_service?: string[]
  destination_workload?: WorkloadFilter[]
  destination_cluster_name?: string[]
  destination_port?: string[]
  destination_identity?: number[]
  traffic_direction?: number[]
  verdict?: number[]
  drop_reason_desc?: number[]
  interface?: InterfaceFilter[]
  event_type?: EventTypeFilter[]
  protocol?: string[]
  reply?: boolean[]
  dns_query?: string[]
  tcp_flags?: TcpFlagsFilter[]
  node_name?: string[]
  node_labels?: string[]
  ip_version?: number[]
  encrypted?: boolean[]
  http_status_code?: string[]
  http_method?: string[]
  http_path?: string[]
  http_url?: string[]
  http_header?: HttpHeaderFilter[]
  trace_id?: string[]
  ip_trace_id?: bigint[]
  experimental?: { cel_expression?: string[] } | null
}

export interface HttpHeaderFilter {
  key?: string
  value?: string
}

export interface WorkloadFilter {
  name?: string
  kind?: string
}

export interface InterfaceFilter {
  index?: number
  name?: string
}

export interface EventTypeFilter {
  type?: number
  match_sub_type?: boolean
  sub_type?: number
}

/** Keys are names of `TcpFlag`. */
export type TcpFlagsFilter = Readonly<Record<string, boolean | undefined>>

/** What filters need to know besides the rows. */
export interface FilterContext {
  ends: Ends
  nodeName: string
  /** What UUIDs of this process begin with; undefined where flows have no UUID yet. */
  uuidPrefix?: string
  /** Encodes the flows that CEL expressions look at; without it expressions see flows without emitter. */
  encoder?: HubbleEncoder
}

/** What the fields of one list of filters share while they are compiled. */
export interface CompileContext extends FilterContext {
  regexps: Regexps
  selectors: Selectors
  celSteps: CelSteps
}

/** Whether a row of the batch it was bound to passes. */
export type RowTest = (row: number) => boolean

/** One compiled field: given a batch (and its serial number) it answers the test of its rows. */
export type FieldFilter = (batch: FlowBatch, serial: number) => RowTest
