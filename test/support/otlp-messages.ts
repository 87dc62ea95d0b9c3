import protobuf from 'protobufjs'

/** The parts of OTLP that tests read and write, for protobufjs: names and numbers of `opentelemetry/proto`. */
const { root } = protobuf.parse(
  `
syntax = "proto3";
package otlp;
message ArrayValue { repeated AnyValue values = 1; }
message AnyValue {
  oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; ArrayValue array_value = 5; }
}
message KeyValue { string key = 1; AnyValue value = 2; }
message Resource { repeated KeyValue attributes = 1; }
message InstrumentationScope { string name = 1; string version = 2; }
message LogRecord {
  fixed64 time_unix_nano = 1;
  int32 severity_number = 2;
  string severity_text = 3;
  AnyValue body = 5;
  repeated KeyValue attributes = 6;
  bytes trace_id = 9;
  fixed64 observed_time_unix_nano = 11;
  string event_name = 12;
}
message ScopeLogs { InstrumentationScope scope = 1; repeated LogRecord log_records = 2; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message ExportLogsServiceRequest { repeated ResourceLogs resource_logs = 1; }
message PartialSuccess { int64 rejected = 1; string error_message = 2; }
message ExportServiceResponse { PartialSuccess partial_success = 1; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message RetryInfo { Duration retry_delay = 1; }
message Any { string type_url = 1; bytes value = 2; }
message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
`,
  { keepCase: true },
)

/** A message type of OTLP, or of `google.rpc`. */
export function otlpType(name: string): protobuf.Type {
  return root.lookupType(`otlp.${name}`)
}

interface AnyValue {
  string_value?: string
  bool_value?: boolean
  int_value?: string
  double_value?: number
  array_value?: { values?: AnyValue[] }
}

interface KeyValue {
  key: string
  value: AnyValue
}

/** A log record as it arrived. */
export interface ReadRecord {
  timeUnixNano: string
  observedTimeUnixNano: string
  severityNumber: number
  severityText: string
  traceId: string
  eventName: string
  attributes: Record<string, unknown>
}

/** An `ExportLogsServiceRequest` as it arrived. */
export interface ReadRequest {
  resource: Record<string, unknown>
  scope: { name?: string; version?: string }
  records: ReadRecord[]
}

/** Reads the one resource and scope of a request. @throws Error when there are more, or an attribute comes twice */
export function readLogsRequest(bytes: Uint8Array): ReadRequest {
  const type = otlpType('ExportLogsServiceRequest')
  const message = type.toObject(type.decode(bytes), { longs: String }) as {
    resource_logs: {
      resource: { attributes: KeyValue[] }
      scope_logs: { scope: { name?: string; version?: string }; log_records?: Record<string, unknown>[] }[]
    }[]
  }
  const [resource, ...others] = message.resource_logs
  if (resource === undefined || others.length > 0 || resource.scope_logs.length !== 1) throw new Error('not one scope')
  const { scope, log_records = [] } = resource.scope_logs[0]!
  return { resource: plain(resource.resource.attributes), scope, records: log_records.map(readRecord) }
}

function readRecord(record: Record<string, unknown>): ReadRecord {
  return {
    timeUnixNano: String(record.time_unix_nano),
    observedTimeUnixNano: String(record.observed_time_unix_nano),
    severityNumber: Number(record.severity_number),
    severityText: String(record.severity_text),
    traceId: record.trace_id === undefined ? '' : Buffer.from(record.trace_id as Uint8Array).toString('hex'),
    eventName: String(record.event_name),
    attributes: plain(record.attributes as KeyValue[]),
  }
}

function plain(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const { key, value } of attributes) {
    if (key in out) throw new Error(`attribute ${key} comes twice`)
    out[key] = plainValue(value)
  }
  return out
}

function plainValue(value: AnyValue): unknown {
  if (value.array_value !== undefined) return (value.array_value.values ?? []).map(plainValue)
  if (value.int_value !== undefined) return Number(value.int_value)
  return value.string_value ?? value.double_value ?? value.bool_value
}
