import { readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { dirname, resolve } from 'node:path'
import type { KubeConfig } from '@kubernetes/client-node'
import { parse } from 'yaml'
import type { ApiServerConfig } from './access.ts'

/**
 * Reads kubeconfigs, of which the first ones win where they name the same. The library does that, runs their credential
 * plugins and refreshes OIDC tokens; it is imported here only, and late, because it costs some 80 MB of resident memory.
 * @returns a function that reads the files; it throws an Error that names them
 */
export async function kubeconfigReader(files: readonly string[], context: string): Promise<() => ApiServerConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  return () => apiServerConfig(readConfig(KubeConfig, files, context))
}

function apiServerConfig(config: KubeConfig): ApiServerConfig {
  const { server = '', proxyUrl } = config.getCurrentCluster() ?? {}
  return {
    server,
    namespace: config.getContextObject(config.currentContext)?.namespace,
    proxied: proxyUrl !== undefined,
    requestOptions: async () => {
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      return options
    },
  }
}

function readConfig(Config: typeof KubeConfig, files: readonly string[], context: string): KubeConfig {
  const name = files.join(':')
  const config = new Config()
  try {
    for (const [i, file] of files.entries()) {
      if (i === 0) readFile(config, file)
      else config.mergeConfig(readFile(new Config(), file), true)
    }
  } catch (cause) {
    throw new Error(`kubeconfig ${name}: ${(cause as Error).message}`, { cause })
  }
  if (context !== '') config.setCurrentContext(context)
  if (config.getCurrentCluster() === null)
    throw new Error(`kubeconfig ${name}: no context ${JSON.stringify(config.currentContext ?? '')} with a cluster`)
  return config
}

/** The library does not know a user's `tokenFile`, which kubectl does; it reads such files for service accounts alone. */
function readFile(config: KubeConfig, file: string): KubeConfig {
  config.loadFromFile(file)
  const written = parse(readFileSync(file, 'utf8')) as { users?: { name: string; user?: { tokenFile?: string } }[] }
  for (const { name, user } of written.users ?? []) {
    if (user?.tokenFile === undefined) continue
    const tokenFile = resolve(dirname(file), user.tokenFile)
    config.users = config.users.map((known) =>
      known.name === name ? { ...known, authProvider: { name: 'tokenFile', config: { tokenFile } } } : known,
    )
  }
  return config
}
