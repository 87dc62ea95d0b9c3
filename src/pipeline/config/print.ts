import type { ConfigSpec } from '../component.ts'
import { formatDuration } from '../duration.ts'
import { defaultsOf } from './decode.ts'
import { KINDS, type ResolvedConfig, SECTIONS } from './resolved.ts'
import { formatName, isSection, type SchemaSection, type Setting, settingOf } from './schema.ts'
import { serviceSettingsSpec } from './service-settings.ts'

const REDACTED = '[REDACTED]'

/**
 * The whole configuration as a document again, defaults filled in; loading it gives the same settings.
 * @param redacted masks what schemas call sensitive, also where it is empty or a default
 */
export function printable(config: ResolvedConfig, redacted: boolean): Record<string, unknown> {
  const document: Record<string, unknown> = {}
  for (const kind of KINDS) {
    const components = [...config.components[kind].values()]
    if (components.length === 0) continue
    document[SECTIONS[kind]] = Object.fromEntries(
      components.map(({ id, factory, config }) => [id, printableSettings(factory.config, config, redacted)]),
    )
  }
  const { extensions, pipelines } = config
  document.service = {
    ...(extensions.length === 0 ? {} : { extensions: [...extensions] }),
    pipelines: Object.fromEntries(
      pipelines.map(({ id, receivers, processors, exporters }) => [
        id,
        { receivers: [...receivers], processors: [...processors], exporters: [...exporters] },
      ]),
    ),
    ...printableSettings(serviceSettingsSpec, config.service, redacted),
  }
  return document
}

/** A component's defaults as `print-config` writes them. */
export function printableDefaults(schema: object): Record<string, unknown> {
  return printableSection(schema as SchemaSection, defaultsOf(schema), false)
}

function printableSettings(spec: ConfigSpec<never>, config: unknown, redacted: boolean): Record<string, unknown> {
  return printableSection(spec.schema as SchemaSection, config as Record<string, unknown>, redacted)
}

function printableSection(
  section: SchemaSection,
  values: Record<string, unknown>,
  redacted: boolean,
): Record<string, unknown> {
  const presence = Object.entries(section).find(([, node]) => settingOf(node).presence)?.[0]
  if (presence !== undefined && values[presence] === false) return { [presence]: false }
  return Object.fromEntries(
    Object.entries(section).map(([key, node]) => {
      if (isSection(node)) return [key, printableSection(node, values[key] as Record<string, unknown>, redacted)]
      return [key, printableValue(settingOf(node), values[key], redacted)]
    }),
  )
}

function printableValue(setting: Setting, value: unknown, redacted: boolean): unknown {
  const format = formatName(setting)
  if (redacted && setting.sensitive) return format.endsWith('string-map') ? masked(value) : REDACTED
  if (format.endsWith('duration') && typeof value === 'number') return formatDuration(value)
  if (format === 'file-mode' && typeof value === 'number') return `0${value.toString(8)}`
  return value
}

function masked(value: unknown): unknown {
  return Object.fromEntries(Object.keys(value as object).map((name) => [name, REDACTED]))
}
