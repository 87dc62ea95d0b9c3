import { Readable } from 'node:stream'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { jsonLines } from '../../src/kubernetes/json-lines.ts'

const lines = suite('JSON lines')

async function read(chunks: readonly Buffer[], maxBytes?: number): Promise<unknown[]> {
  const values: unknown[] = []
  for await (const value of jsonLines(Readable.from(chunks), maxBytes)) values.push(value)
  return values
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1))), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)).filter((chunk) => chunk.length > 0)
}

lines('come out as they went in, wherever the stream is cut', async () => {
  const anything = fc.array(fc.jsonValue().filter((value) => !Object.is(value, -0)))
  await fc.assert(
    fc.asyncProperty(anything, fc.array(fc.nat(5_000)), async (values, places) => {
      const written = values.map((value) => JSON.parse(JSON.stringify(value)))
      const bytes = Buffer.from(written.map((value) => `${JSON.stringify(value)}\n`).join(''))
      assert.equal(await read(cut(bytes, places)), written)
    }),
  )
})

const faults = [
  { name: 'a line that is no JSON', text: '{"a":1}\nnonsense\n', error: /a line of a watch is no JSON: nonsense/ },
  { name: 'an end inside a line', text: '{"a":1}\n{"b"', error: /a watch ended inside a line of 4 bytes/ },
  { name: 'a line without end', text: `"${'x'.repeat(200)}`, error: /longer than 100 bytes/ },
]
for (const { name, text, error } of faults)
  lines(`${name} is an error`, async () => {
    const failed = await read([Buffer.from(text)], 100).then(
      () => undefined,
      (cause) => cause as Error,
    )
    assert.match(failed?.message ?? '', error)
  })

lines.run()
