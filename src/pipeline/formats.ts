import convict from 'convict'
import { parseDuration } from './duration.ts'
import { parseEndpoint } from './endpoint.ts'

/**
 * Formats of settings for convict schemas. Each replaces or adds a convict format *and* its converter: convict's own
 * converters turn `"12abc"` into 12 and `"no"` into true, here a wrong type stays wrong and is reported.
 */

/** What convict hands to a format besides the value. */
interface SchemaLeaf {
  default: unknown
}

interface SettingFormat {
  /** Throws an Error with what is wrong; convict adds the value. */
  validate(value: unknown, leaf: SchemaLeaf): void
  /** Turns text into the value that code gets; text it does not understand is returned as it is, for `validate`. */
  coerce?(text: string): unknown
}

/** One entry of a `string-map` setting. */
export interface NamedValue {
  name: string
  value: string
}

const FORMATS: Readonly<Record<string, SettingFormat>> = {
  string: { validate: (value) => demand(typeof value === 'string', 'expected a string') },
  boolean: { validate: (value) => demand(typeof value === 'boolean', 'expected true or false') },
  number: { validate: (value) => demand(Number.isFinite(value), 'expected a number') },
  int: { validate: (value) => demand(Number.isSafeInteger(value), 'expected an integer') },
  nat: { validate: (value) => demand(isNatural(value), 'expected an integer that is 0 or more') },
  'positive-int': { validate: (value) => demand(isNatural(value) && value > 0, 'expected an integer greater than 0') },
  port: { validate: (value) => demand(isNatural(value) && value <= 65_535, 'expected a port, 0 to 65535') },
  percentage: {
    coerce: (text) => (/^\d+(\.\d+)?%?$/.test(text) ? Number.parseFloat(text) : text),
    validate: (value) => demand(isWithin(value, 0, 100), 'expected a percentage, 0 to 100'),
  },
  duration: { coerce: durationOrText, validate: (value) => validateDuration(value, 0) },
  'positive-duration': { coerce: durationOrText, validate: (value) => validateDuration(value, Number.MIN_VALUE) },
  endpoint: { validate: validateEndpoint },
  /** As `endpoint`; the empty text says that there is none, also where that is not the default. */
  'endpoint-or-none': { validate: (value) => value === '' || validateEndpoint(value, { default: '' }) },
  'grpc-target': { validate: validateGrpcTarget },
  'file-mode': {
    coerce: (text) => (/^(0o?)?[0-7]{3,4}$/.test(text) ? Number.parseInt(text.replace(/^0o/, ''), 8) : text),
    validate: (value) => demand(isNatural(value) && value <= 0o7777, 'expected an octal file mode such as "0660"'),
  },
  file: { validate: (value) => demand(typeof value === 'string', 'expected the path of a file') },
  'string-list': {
    validate: (value) =>
      demand(
        isListOf(value, (item) => typeof item === 'string'),
        'expected a list of strings',
      ),
  },
  'string-map': { validate: (value) => validateStringMap(value, false) },
  /** As `string-map`; null takes a name away. */
  'nullable-string-map': { validate: (value) => validateStringMap(value, true) },
  object: { validate: (value) => demand(typeof value === 'object' && value !== null, 'expected a map') },
  array: { validate: (value) => demand(Array.isArray(value), 'expected a list') },
}

/** Formats whose converter wants what was written, digits included (`5` for a duration has no unit). */
export const TEXT_FORMATS: ReadonlySet<string> = new Set(['duration', 'positive-duration', 'percentage', 'file-mode'])

/** Formats that take a value typed by YAML; text from `${…}` is read as YAML for them. */
export const TYPED_FORMATS: ReadonlySet<string> = new Set(['boolean', 'number', 'int', 'nat', 'positive-int', 'port'])

/** Adds the formats to convict, which keeps them for the process. */
export function registerFormats(): void {
  for (const [name, format] of Object.entries(FORMATS)) {
    convict.addFormat({ name, validate: format.validate, coerce: format.coerce ?? ((text: string) => text) })
  }
}

function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message)
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isWithin(value: unknown, low: number, high: number): boolean {
  return typeof value === 'number' && value >= low && value <= high
}

function isListOf(value: unknown, accepts: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(accepts)
}

function durationOrText(text: string): unknown {
  return parseDuration(text) ?? text
}

/** Hours. A timer of more than 2^31 - 1 ms (596 hours) would fire at once, and again and again. */
const LONGEST_HOURS = 500

/** Numbers are milliseconds here: what the user wrote reaches the converter as text. */
function validateDuration(value: unknown, least: number): void {
  if (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value)) {
    throw new Error(`bad duration ${JSON.stringify(value)}: the unit is missing, write for example "${value}s"`)
  }
  if (typeof value !== 'number') {
    throw new Error(`bad duration ${JSON.stringify(value)}: write for example "500ms", "10s" or "1m30s"`)
  }
  demand(value >= least, least === 0 ? 'must be non-negative' : 'must be greater than zero')
  demand(value <= LONGEST_HOURS * 3_600_000, `must be ${LONGEST_HOURS}h or less`)
}

/** The empty text passes where it is the default: there it means "not set". */
function validateEndpoint(value: unknown, leaf: SchemaLeaf): void {
  demand(typeof value === 'string', 'expected host:port')
  if (value !== '' || leaf.default !== '') parseEndpoint(value)
}

/** A `host:port`, also with `http://`, `https://` or `dns:///` before it, or `unix:` and a path. */
function validateGrpcTarget(value: unknown, leaf: SchemaLeaf): void {
  demand(typeof value === 'string', 'expected host:port')
  if ((value === '' && leaf.default === '') || /^unix:.+/.test(value)) return
  parseEndpoint(value.replace(/^(https?:\/\/|dns:\/\/[^/]*\/|dns:)/, '').replace(/\/$/, ''))
}

/** Arrives as a list of entries: convict takes a dot in a map's key for a path. */
function validateStringMap(value: unknown, nullable: boolean): void {
  if (!Array.isArray(value)) {
    demand(typeof value === 'object' && value !== null && Object.keys(value).length === 0, 'expected a map of strings')
    return
  }
  const seen = new Set<string>()
  for (const entry of value) {
    demand(isNamedValue(entry, nullable), 'expected a map of strings, or a list of {name, value}')
    demand(!seen.has(entry.name), `duplicate name ${JSON.stringify(entry.name)}`)
    seen.add(entry.name)
  }
}

function isNamedValue(entry: unknown, nullable: boolean): entry is NamedValue {
  if (typeof entry !== 'object' || entry === null) return false
  const { name, value, ...rest } = entry as Partial<NamedValue>
  return (
    typeof name === 'string' &&
    (typeof value === 'string' || (nullable && value === null)) &&
    Object.keys(rest).length === 0
  )
}
