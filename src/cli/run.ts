import type { Catalog } from '../pipeline/catalog.ts'
import { NothingToObserveError } from '../pipeline/component.ts'
import type { Locations } from '../pipeline/config/load.ts'
import { Service } from '../pipeline/service.ts'
import { VERSION } from '../pipeline/version.ts'
import { type Control, SignalControl } from './control.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'
import { whereToLook } from './where-to-look.ts'

export interface RunOptions {
  locations: Locations
  /** Configuration to run where this machine lets nothing be observed. */
  fallback: string | undefined
  /** Ends the process at a second signal. */
  force(): void
}

/** Runs the collector until a signal or a fatal error. @returns the exit status @throws Error to be printed */
export async function run({ locations, fallback, force }: RunOptions, catalog: Catalog): Promise<number> {
  const control = new SignalControl(force)
  try {
    return await runUntilEnd(locations, catalog, control)
  } catch (error) {
    const nothing = nothingToObserve(error)
    if (nothing === undefined || fallback === undefined) throw error
    tellFallback(nothing, fallback)
    return await runUntilEnd({ configs: [fallback], sets: [] }, catalog, control)
  } finally {
    control.close()
  }
}

async function runUntilEnd(locations: Locations, catalog: Catalog, control: Control): Promise<number> {
  const loaded = await loadConfig(locations, catalog)
  for (const warning of loaded.warnings) process.stderr.write(`Warning: ${warning}\n`)
  control.watch(loaded.files, loaded.config.service.watch_config)
  const service = new Service({ version: VERSION, fatal: (error) => control.end({ exit: 1, error }) })
  await service.start(loaded.config)
  if (wantsDirections(loaded)) process.stdout.write(whereToLook(service.endpoints()))
  for (;;) {
    const event = await control.next()
    if (event.is === 'reload') {
      await reload(service, locations, catalog, control)
      continue
    }
    const clean = await service.shutdown()
    if (event.error !== undefined) throw event.error
    return clean ? event.exit : 1
  }
}

/** A configuration that is bad in whatever way is reported; the old one keeps running. */
async function reload(service: Service, locations: Locations, catalog: Catalog, control: Control): Promise<void> {
  service.log?.info('Config updated, reloading')
  let loaded: LoadedConfig
  try {
    loaded = await loadConfig(locations, catalog)
  } catch (error) {
    service.reloadFailed(error as Error)
    service.log?.error(`Configuration not reloaded, the old one keeps running: ${(error as Error).message}`)
    return
  }
  for (const warning of loaded.warnings) service.log?.warn(warning)
  try {
    await service.reload(loaded.config)
    control.watch(loaded.files, loaded.config.service.watch_config)
  } catch (error) {
    service.log?.error(`Configuration not reloaded, the old one was brought back: ${(error as Error).message}`)
  }
}

/** For people: on a terminal, or where flows are printed for them. */
function wantsDirections({ config }: LoadedConfig): boolean {
  const used = new Set(config.pipelines.flatMap((pipeline) => pipeline.exporters))
  const debug = [...config.components.exporter.values()].some(({ id, type }) => type === 'debug' && used.has(id))
  return process.stdout.isTTY || debug
}

function nothingToObserve(error: unknown): NothingToObserveError | undefined {
  if (error instanceof NothingToObserveError) return error
  return error instanceof Error && error.cause !== undefined ? nothingToObserve(error.cause) : undefined
}

function tellFallback(error: NothingToObserveError, fallback: string): void {
  const line = '='.repeat(78)
  process.stderr.write(
    `${line}\nNOTHING OF THIS MACHINE CAN BE OBSERVED:\n${error.message}\n\nRunning ${fallback} instead: what you see below is not traffic of this machine.\n${line}\n`,
  )
}
