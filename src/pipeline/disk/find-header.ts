/** Bytes looked at in one go. */
const SEARCH_BYTES = 256 * 1024

/** How something in a file begins. */
export interface HeaderFormat {
  magic: Buffer
  headerBytes: number
  /** Bytes behind the header at `at` that belong to it; undefined when there is no header. */
  bodyBytes(window: Buffer, at: number): number | undefined
}

/**
 * Where a damaged file goes on: offset of the next header from `offset` on whose body is whole; `size` when there is none.
 * @param read reads into a buffer at an offset, and returns how many bytes it got
 */
export async function findHeader(
  read: (into: Buffer, at: number) => Promise<number>,
  { magic, headerBytes, bodyBytes }: HeaderFormat,
  offset: number,
  size: number,
): Promise<number> {
  const bytes = Buffer.alloc(SEARCH_BYTES)
  // Windows overlap by a header, so that none is cut.
  for (let start = offset; start < size; start += SEARCH_BYTES - headerBytes) {
    const window = bytes.subarray(0, await read(bytes, start))
    for (let at = window.indexOf(magic); at >= 0; at = window.indexOf(magic, at + 1)) {
      const body = bodyBytes(window, at)
      if (body !== undefined && start + at + headerBytes + body <= size) return start + at
    }
  }
  return size
}
