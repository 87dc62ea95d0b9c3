import type { CatalogEntry, Factory } from '../catalog.ts'
import type { ComponentId, Kind, Signal } from '../component.ts'
import type { ServiceSettings } from './service-settings.ts'
import type { Tree } from './tree.ts'

/** A configuration whose every value and reference was checked. */
export interface ResolvedConfig {
  components: Readonly<Record<Kind, ReadonlyMap<ComponentId, ComponentConfig>>>
  pipelines: readonly PipelineConfig[]
  /** `service::extensions`, each once. */
  extensions: readonly ComponentId[]
  service: ServiceSettings
}

/** One configured component. */
export interface ComponentConfig {
  id: ComponentId
  kind: Kind
  /** As registered, also where the id has an alias. */
  type: string
  entry: CatalogEntry
  factory: Factory
  /** Decoded settings, defaults filled in. */
  config: unknown
  /** What was written. */
  tree: Tree
  /** The deprecated type that the id was written with. */
  alias: string | undefined
}

export interface PipelineConfig {
  id: string
  signal: Signal
  /** Receivers, or connectors that feed this pipeline. */
  receivers: readonly ComponentId[]
  processors: readonly ComponentId[]
  /** Exporters, or connectors that this pipeline feeds. */
  exporters: readonly ComponentId[]
}

/** Kinds in the words of the document, in its usual order. */
export const SECTIONS: Readonly<Record<Kind, string>> = {
  receiver: 'receivers',
  processor: 'processors',
  exporter: 'exporters',
  connector: 'connectors',
  extension: 'extensions',
}

export const KINDS = Object.keys(SECTIONS) as readonly Kind[]
