import { writeAddress } from './hubble-fields.ts'
import { fixed64Tag, lengthTag, ProtobufWriter, varintTag } from './protobuf-writer.ts'

/**
 * Attributes of OTLP (`opentelemetry/proto/common/v1/common.proto`): KeyValue{key = 1, value = 2}, and of AnyValue
 * string = 1, bool = 2, int = 3, double = 4, array = 5 (of ArrayValue{values = 1}).
 */
const VALUE = lengthTag(2)
const STRING = lengthTag(1)
const BOOL = varintTag(2)
const INT = varintTag(3)
const DOUBLE = fixed64Tag(4)
const ARRAY = lengthTag(5)
const ITEM = lengthTag(1)

/** The name of an attribute as field of `KeyValue`. */
export type Key = Uint8Array

/** The name as field of `KeyValue`. */
export function attributeKey(name: string): Key {
  const writer = new ProtobufWriter()
  writer.begin()
  writer.textField(lengthTag(1), name)
  return writer.finish().slice()
}

/** The names of a table as fields of `KeyValue`. */
export function attributeKeys<Names extends Readonly<Record<string, string>>>(names: Names): Record<keyof Names, Key> {
  const keys = Object.fromEntries(Object.entries(names).map(([at, name]) => [at, attributeKey(name)]))
  // The copy has fast properties.
  return { ...keys } as Record<keyof Names, Key>
}

/** Writes attributes into a message that is being written; the last one first, as everything there. */
export class AttributeWriter {
  readonly #writer: ProtobufWriter
  readonly #tag: number

  /** @param tag of the message's field `attributes` */
  constructor(writer: ProtobufWriter, tag: number) {
    this.#writer = writer
    this.#tag = tag
  }

  text(key: Key, text: string): void {
    const mark = this.#writer.written
    this.#writer.textField(STRING, text)
    this.#end(key, mark)
  }

  bool(key: Key, value: boolean): void {
    const mark = this.#writer.written
    this.#writer.varintField(BOOL, value ? 1 : 0)
    this.#end(key, mark)
  }

  /** @param value non-negative; an integer stays one */
  number(key: Key, value: number): void {
    const mark = this.#writer.written
    if (Number.isSafeInteger(value)) this.#writer.varintField(INT, value)
    else this.#writer.doubleField(DOUBLE, value)
    this.#end(key, mark)
  }

  texts(key: Key, list: readonly string[]): void {
    const writer = this.#writer
    const mark = writer.written
    for (let i = list.length - 1; i >= 0; i--) {
      const item = writer.written
      writer.textField(STRING, list[i]!)
      writer.close(ITEM, item)
    }
    writer.close(ARRAY, mark)
    this.#end(key, mark)
  }

  /** The address at `row` of an address column, as text. */
  address(key: Key, column: Uint32Array, row: number): void {
    const mark = this.#writer.written
    writeAddress(this.#writer, 1, column, row)
    this.#end(key, mark)
  }

  #end(key: Key, mark: number): void {
    this.#writer.close(VALUE, mark)
    this.#writer.raw(key)
    this.#writer.close(this.#tag, mark)
  }
}
