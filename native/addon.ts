import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { CaptureOptions, InterfacePatterns, InterfaceRole, NativeCapture, NativeEvent } from './capture.ts'
import type { InterfaceTraits } from './classify.ts'
import type { NodeStatistics } from './node-statistics.ts'
import type { TestObject, TestObjectOptions } from './test-object.ts'

/** What the addon exports; used through the other modules of this folder. */
interface Addon {
  Capture: new (options: CaptureOptions, onEvent: (...event: NativeEvent) => void) => NativeCapture
  dropReasons(): [number, string][]
  classify(traits: InterfaceTraits, defaultRoute: boolean, patterns: InterfacePatterns): InterfaceRole
  NodeStatistics: new (networkNamespace: string) => NodeStatistics
  TestObject: new (options: TestObjectOptions) => TestObject
}

/** `build/` of the package, seen from the sources and from `dist/` alike. */
const BUILD = new URL(import.meta.url.endsWith('.ts') ? '../build/' : '../../build/', import.meta.url)

let loaded: Addon | undefined

/** Where the addon is, once it is built. */
export function addonPath(): string {
  return fileURLToPath(new URL('native/fovea.node', BUILD))
}

/** The addon, loaded on first use. @throws Error that says how to build it */
export function loadAddon(): Addon {
  loaded ??= createRequire(import.meta.url)(existing('native/fovea.node')) as Addon
  return loaded
}

/** Path of a built BPF object. @param name for example `packets` */
export function objectPath(name: string): string {
  return existing(`bpf/${name}.bpf.o`)
}

function existing(path: string): string {
  const file = fileURLToPath(new URL(path, BUILD))
  if (existsSync(file)) return file
  throw new Error(`${file} is not built: run \`cmake -S native -B build -G Ninja && cmake --build build\``)
}
