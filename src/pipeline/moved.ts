import { move, transferableSymbol, valueSymbol } from 'piscina'

/** What a worker task returns so that Piscina moves `buffers`, all part of `value`, instead of copying them. */
export function moved<T extends object>(value: T, buffers: readonly ArrayBuffer[]): T {
  // An empty buffer may be a shared constant: moving it would take it from everybody.
  const transfer = buffers.filter((buffer) => buffer.byteLength > 0)
  return move({ [transferableSymbol]: transfer, [valueSymbol]: value } as never) as unknown as T
}
