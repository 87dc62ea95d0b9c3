import { checkFilterLists } from '../../hubble/filters/read-json.ts'
import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { checkFields } from './log-fields.ts'

/** Settings of the `file` exporter. */
export interface FileConfig {
  /** `''` = no file but those of `dynamic`. */
  path: string
  /** Filters as written; `readFlowFilters` reads them. */
  allow_list: unknown[]
  deny_list: unknown[]
  field_mask: string[]
  field_aggregate: string[]
  /** Milliseconds; 0 = no aggregation. */
  aggregation_interval: number
  aggregation_limit: number
  rotation: RotationConfig
  /** Permission bits of new files. */
  mode: number
  create_directory: boolean
  /** Milliseconds; 0 = only files that are done with. */
  sync_interval: number
  queue_mib: number
  cluster_name: string
  dynamic: DynamicConfig
}

export interface RotationConfig {
  max_megabytes: number
  max_backups: number
  /** 0 = no limit. */
  max_days: number
  compress: boolean
}

/** Files of flows that a file of their own describes. */
export interface DynamicConfig {
  /** `''` = none. */
  path: string
  /** Milliseconds. */
  interval: number
}

export const fileConfig: ConfigSpec<FileConfig> = {
  schema: {
    path: { doc: 'file to append to; stdout: standard output, never rotated', format: String, default: '' },
    allow_list: {
      doc: 'flow filters (fields of flow.FlowFilter); a flow is written when one of them matches; empty: all are',
      format: 'array',
      default: [],
    },
    deny_list: { doc: 'flow filters; a flow is not written when one of them matches', format: 'array', default: [] },
    field_mask: {
      doc: 'fields of flow.Flow to write, such as source.pod_name; empty: all',
      format: 'string-list',
      default: [],
    },
    field_aggregate: {
      doc: 'fields of flow.Flow by which flows are added up, instead of written one by one',
      format: 'string-list',
      default: [],
    },
    aggregation_interval: { doc: 'how often sums are written; 0 = no aggregation', format: 'duration', default: '0s' },
    aggregation_limit: {
      doc: 'most sums at one time; further ones make all of them be written early',
      format: 'positive-int',
      default: 10_000,
    },
    rotation: {
      max_megabytes: { doc: 'a file that would become larger is rotated', format: 'positive-int', default: 10 },
      max_backups: { doc: 'rotated files kept; the oldest go first', format: 'positive-int', default: 5 },
      max_days: { doc: 'rotated files go after so many days; 0 = no limit', format: 'nat', default: 0 },
      compress: { doc: 'compress rotated files with gzip', format: Boolean, default: false },
    },
    mode: { doc: 'permissions of new files', format: 'file-mode', default: '0600' },
    create_directory: { doc: 'make the folder of a file where it is missing', format: Boolean, default: true },
    sync_interval: {
      doc: 'how often what was written is synced to the disk; 0 = only files that are done with',
      format: 'duration',
      default: '5s',
    },
    queue_mib: {
      doc: 'memory of flows that wait for a slow or full disk, for each file; further ones are refused',
      format: 'positive-int',
      default: 32,
    },
    cluster_name: { doc: "name of the cluster, before the node's in flows", format: String, default: 'default' },
    dynamic: {
      path: {
        doc: 'file in YAML that describes further files of flows and may change while this runs; empty: none',
        format: String,
        default: '',
      },
      interval: { doc: 'how often that file is read', format: 'positive-duration', default: '5s' },
    },
  },
  check: checkFile,
}

function checkFile(config: FileConfig): Problem[] {
  const { path, dynamic, field_mask, field_aggregate, allow_list, deny_list } = config
  const problems = [
    ...checkFilterLists(allow_list, deny_list, { include: ['allow_list'], exclude: ['deny_list'] }),
    ...checkFields(field_mask, ['field_mask']),
    ...checkFields(field_aggregate, ['field_aggregate']),
  ]
  if (path === '' && dynamic.path === '') {
    problems.push({ path: ['path'], message: 'requires a "path", a "dynamic::path" or both' })
  }
  return problems
}
