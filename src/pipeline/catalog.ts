import type {
  ConnectorFactory,
  ExporterFactory,
  ExtensionFactory,
  Kind,
  ProcessorFactory,
  ReceiverFactory,
} from './component.ts'

/** The factory of each kind. `never` as configuration: a factory is handed only what its own schema made. */
export interface Factories {
  receiver: ReceiverFactory<never>
  processor: ProcessorFactory<never>
  exporter: ExporterFactory<never>
  connector: ConnectorFactory<never>
  extension: ExtensionFactory<never>
}

export type Factory = Factories[Kind]

/** A component that a configuration may name; its code is imported only when one does. */
export type CatalogEntry = {
  [K in Kind]: {
    kind: K
    type: string
    /** Deprecated names. */
    aliases?: readonly string[]
    load(): Promise<Factories[K]>
  }
}[Kind]

/** Every component there is. */
export class Catalog {
  readonly entries: readonly CatalogEntry[]

  constructor(entries: readonly CatalogEntry[]) {
    this.entries = entries
  }

  /** The component of that kind and type or alias. */
  find(kind: Kind, type: string): CatalogEntry | undefined {
    return this.entries.find((entry) => entry.kind === kind && (entry.type === type || entry.aliases?.includes(type)))
  }

  /** Types of a kind, without aliases. */
  types(kind: Kind): string[] {
    return this.entries.filter((entry) => entry.kind === kind).map((entry) => entry.type)
  }
}
