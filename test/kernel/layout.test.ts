import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Kind, Report } from '../../src/flow/enums.ts'
import { Point } from '../../src/flow/points.ts'
import { EVENT, EVENT_BYTES } from '../../src/receivers/ebpf/layout.ts'
import { root } from '../support/checkout.ts'

const test = suite('layout of kernel records')

/** What `bpftool --json btf dump` tells of a type. */
interface BtfType {
  kind: string
  name: string
  size?: number
  members?: { name: string; bits_offset: number }[]
  values?: { name: string; val: number }[]
}

/** `event.h` with the types that it expects of its includer. */
const SOURCE = `
typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32; typedef unsigned long long __u64;
#include "event.h"
struct fovea_event event; enum fovea_kind kind; enum fovea_point point; enum fovea_report report;
`

function compiled(): BtfType[] {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-layout-'))
  try {
    writeFileSync(join(folder, 'event.c'), SOURCE)
    const object = join(folder, 'event.o')
    const flags = ['-g', '-O2', '-target', 'bpf', '-I', join(root, 'bpf/include')]
    execFileSync('clang', [...flags, '-c', join(folder, 'event.c'), '-o', object], { stdio: 'pipe' })
    return btf(object)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function btf(object: string): BtfType[] {
  const dump = execFileSync('bpftool', ['--json', 'btf', 'dump', 'file', object], { encoding: 'utf8' })
  return JSON.parse(dump).types
}

const types = compiled()
const find = (kind: string, name: string, among = types) =>
  among.find((type) => type.kind === kind && type.name === name)

test('every field stands where the decoder looks for it', () => checkEvent(find('STRUCT', 'fovea_event')))

const BUILT = join(root, 'build/bpf')
const objects = existsSync(BUILT) ? readdirSync(BUILT).filter((file) => file.endsWith('.bpf.o')) : []
for (const object of objects)
  test(`${object} was built with this layout`, () => {
    const event = find('STRUCT', 'fovea_event', btf(join(BUILT, object)))
    if (event !== undefined) checkEvent(event)
  })

function checkEvent(event: BtfType | undefined): void {
  const members = Object.fromEntries(event?.members?.map(({ name, bits_offset }) => [name, bits_offset / 8]) ?? [])
  assert.equal(members, { ...EVENT })
  assert.is(event?.size, EVENT_BYTES)
}

const values = (name: string, prefix: string) =>
  Object.fromEntries(find('ENUM', name)?.values?.map((value) => [value.name.replace(prefix, ''), value.val]) ?? [])

test('kinds have the numbers of the flow columns', () => assert.equal(values('fovea_kind', 'FOVEA_'), { ...Kind }))

test('reports have the numbers of the flow columns', () => {
  const { NONE: _, ...reports } = Report
  assert.equal(values('fovea_report', 'FOVEA_REPORT_'), reports)
})

test('points have their numbers', () => {
  const { NONE, ...points } = Point
  assert.equal(values('fovea_point', 'FOVEA_'), { ...points, NO_POINT: NONE })
})

test.run()
