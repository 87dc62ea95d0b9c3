/** Rows as an aligned Markdown table; the columns are the keys of the first row. `''` without rows. */
export function markdownTable(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const columns = Object.keys(rows[0] ?? {})
  if (columns.length === 0) return ''
  const width = (column: string) => Math.max(column.length, ...rows.map((row) => String(row[column]).length))
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(columns.map((column) => column.padEnd(width(column)))),
    line(columns.map((column, i) => (i === 0 ? '-'.repeat(width(column)) : `${'-'.repeat(width(column) - 1)}:`))),
    ...rows.map((row) =>
      line(columns.map((column, i) => pad(String(row[column]), i === 0 ? -width(column) : width(column)))),
    ),
  ].join('\n')
}

/** Left-aligned for a negative width, right-aligned else. */
function pad(text: string, width: number): string {
  return width < 0 ? text.padEnd(-width) : text.padStart(width)
}
