import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { tlsServerName } from '../hubble/node-name.ts'
import { demandFree, pairFiles, readPair, writeCertificate, writePair } from './certs-files.ts'
import type { Authority, Leaf, Pair } from './certs-issue.ts'

interface Flags {
  out: string
  ca?: string
  cluster: string
  dns: string[]
  ip: string[]
  days: number
  force?: true
}

/** Adds `fovea certs`. @param print gets what it tells */
export function addCerts(program: Command, print: (text: string) => void): void {
  program
    .command('certs')
    .description('make an authority and certificates for agents, hubble-relay, Hubble UI and clients')
    .requiredOption('--out <folder>', 'where to write them; made where it is not there')
    .option('--ca <folder>', 'issue by the authority that lies there (ca.crt, ca.key) instead of a new one')
    .option('--cluster <name>', 'name of the cluster, as cluster_name of the hubble exporter', parseCluster, 'default')
    .option(
      '--dns <name>',
      'further name of the agents; repeatable',
      (value, all: string[]) => [...all, parseDns(value)],
      [],
    )
    .option(
      '--ip <address>',
      'further address of the agents; repeatable',
      (value, all: string[]) => [...all, parseIp(value)],
      [],
    )
    .option('--days <number>', 'how long certificates last; a new authority lasts 3650 days or more', parseDays, 365)
    .option('--force', 'replace files that are there already')
    .action(async (flags: Flags) => print(await certs(flags)))
}

/** Names of the files, and what each is for. Names of hubble-relay and Hubble UI are those of Cilium's certificates. */
function leaves({ cluster, dns, ip }: Flags): Record<string, Leaf> {
  const agents = tlsServerName('*', cluster)
  return {
    server: {
      commonName: agents,
      dns: [agents, 'localhost', ...dns],
      ips: ['127.0.0.1', '::1', ...ip],
      usages: ['server'],
    },
    relay: named('*.hubble-relay.cilium.io', ['server', 'client']),
    ui: named('*.hubble-ui.cilium.io', ['client']),
    client: named('client.hubble-grpc.cilium.io', ['client']),
  }
}

function named(name: string, usages: Leaf['usages']): Leaf {
  return { commonName: name, dns: [name], ips: [], usages }
}

async function certs(flags: Flags): Promise<string> {
  const out = resolve(flags.out)
  const wanted = leaves(flags)
  const renewing = flags.ca !== undefined && resolve(flags.ca) === out
  const names = renewing ? Object.keys(wanted) : ['ca', ...Object.keys(wanted)]
  if (flags.force !== true) demandFree(names.flatMap((name) => Object.values(pairFiles(out, name))))
  const { authority, pair } = await (flags.ca === undefined ? newAuthority(flags) : oldAuthority(flags.ca))
  const made: string[] = []
  if (flags.ca === undefined) made.push(...(await writePair(out, 'ca', pair)))
  // Whoever trusts the certificates needs the authority's; its key stays where it is.
  else if (!renewing) made.push(await writeCertificate(out, 'ca', pair))
  for (const [name, leaf] of Object.entries(wanted)) {
    made.push(...(await writePair(out, name, await authority.issue(leaf, flags.days))))
  }
  return `${made.join('\n')}\n\n${hint(out)}`
}

interface KnownAuthority {
  authority: Authority
  pair: Pair
}

/** Its library is loaded here, for this command alone. */
async function newAuthority({ cluster, days }: Flags): Promise<KnownAuthority> {
  const { Authority } = await import('./certs-issue.ts')
  return await Authority.create(`fovea CA of ${cluster}`, days)
}

async function oldAuthority(folder: string): Promise<KnownAuthority> {
  const { Authority } = await import('./certs-issue.ts')
  try {
    const pair = await readPair(folder, 'ca')
    return { authority: await Authority.load(pair), pair }
  } catch (cause) {
    throw new Error(`--ca ${folder}: ${(cause as Error).message}`, { cause })
  }
}

function hint(out: string): string {
  const at = (name: string) => join(out, name)
  return `Agents (exporters::hubble):
  tls: {cert_file: ${at('server.crt')}, key_file: ${at('server.key')}, client_ca_file: ${at('ca.crt')}, reload_interval: 1m}
Clients:
  hubble observe --tls --tls-ca-cert-files ${at('ca.crt')} --tls-client-cert-file ${at('client.crt')} --tls-client-key-file ${at('client.key')}
`
}

function parseCluster(value: string): string {
  if (/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(value)) return value
  throw new InvalidArgumentError('a cluster has lower case letters, digits, "-" and "."')
}

function parseDns(value: string): string {
  if (/^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(value)) return value
  throw new InvalidArgumentError('write a name such as hubble.example.org')
}

function parseIp(value: string): string {
  if (isIP(value) !== 0) return value
  throw new InvalidArgumentError('write an IPv4 or IPv6 address')
}

function parseDays(value: string): number {
  const days = Number(value)
  if (Number.isInteger(days) && days >= 1 && days <= 36_500) return days
  throw new InvalidArgumentError('write a number of days, 1 to 36500')
}
