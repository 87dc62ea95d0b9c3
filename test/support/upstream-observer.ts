import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { peer } from './peers.ts'
import { TemporaryFolder } from './temporary-folder.ts'

/** Hubble's own observer, with what a test put in. */
export interface UpstreamObserver {
  /** `host:port` */
  server: string
  stop(): Promise<void>
}

/**
 * Starts Hubble's observer on encoded `observer.GetFlowsResponse`s (or `ExportEvent`s, which have the same fields), oldest
 * first. @param node name of its node
 */
export async function startUpstreamObserver(events: readonly Uint8Array[], node: string): Promise<UpstreamObserver> {
  const folder = new TemporaryFolder()
  const file = folder.at('events')
  writeEvents(file, events)
  const child = spawn(peer('hubble-upstream'), ['observer', '-events', file, '-capacity', '4095'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, K8S_NODE_NAME: node },
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const server = await firstLine(child)
  const stop = async () => {
    child.stdin?.end()
    await ended
    folder.remove()
  }
  return { server, stop }
}

/** Writes what every command of `hubble-upstream` reads. */
export function writeEvents(file: string, events: readonly Uint8Array[]): void {
  writeFileSync(file, Buffer.concat(events.flatMap((event) => [varint(event.length), event])))
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`hubble-upstream ended with ${code} before it listened`)))
  })
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
