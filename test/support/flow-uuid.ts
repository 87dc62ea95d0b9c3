/** The UUID of a flow of this process as text: `parseUuid` reads it. */
export function uuidText(prefix: string, serial: number, row: number): string {
  const high = (0x8000 | (serial / 0x100000000)).toString(16)
  const low = (serial >>> 0).toString(16).padStart(8, '0')
  return `${prefix}${high}-${low}${row.toString(16).padStart(4, '0')}`
}
