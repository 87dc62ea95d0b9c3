import type { FileHandle } from 'node:fs/promises'

/** Longest line, its line feed included: the buffer of Go's line scanner, with which `hubble observe` reads. */
export const MAX_LINE_BYTES = 64 * 1024

const LINE_FEED = 0x0a
const BLOCK_BYTES = 64 * 1024

/**
 * Where the last whole line of a file ends: what a killed process or a full disk left behind it is no line. Zeros that a
 * crash of the machine left are no line either.
 * @throws Error when the end is longer than any line of ours: the file is somebody else's
 */
export async function endOfLines(file: FileHandle, size: number): Promise<number> {
  const end = await endOfData(file, size)
  const from = Math.max(0, end - MAX_LINE_BYTES)
  const block = await read(file, from, end)
  const feed = block.lastIndexOf(LINE_FEED)
  if (feed >= 0) return from + feed + 1
  // A first line that was cut off begins as all of ours do.
  if (from === 0 && (end === 0 || block[0] === 0x7b)) return 0
  throw new Error(`it does not end in lines of at most ${MAX_LINE_BYTES} bytes, so it is not ours to write to`)
}

/** The size without the zeros at its end. */
async function endOfData(file: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - BLOCK_BYTES)
    const block = await read(file, from, end)
    for (let i = block.length - 1; i >= 0; i--) if (block[i] !== 0) return from + i + 1
    end = from
  }
  return 0
}

async function read(file: FileHandle, from: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - from), 0, end - from, from)
  return buffer.subarray(0, bytesRead)
}
