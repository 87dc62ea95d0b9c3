import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

/** client – router – server: three namespaces, two veth pairs; the agent watches the router's two ends, as on a node with two pods. */
export class Network {
  readonly client: string
  readonly router: string
  readonly server: string
  /** Names of the router's interfaces, as `kubelet` would call them. */
  readonly watched = ['veth-client', 'veth-server'] as const

  constructor(tag: string) {
    this.client = `${tag}-client`
    this.router = `${tag}-router`
    this.server = `${tag}-server`
  }

  /** @throws Error with the command that failed; needs CAP_NET_ADMIN and CAP_SYS_ADMIN */
  create(): void {
    for (const namespace of [this.client, this.router, this.server]) {
      run('ip', 'netns', 'add', namespace)
      this.in(namespace, 'ip', 'link', 'set', 'lo', 'up')
    }
    this.#connect(this.client, 'veth-client', '10.250.1')
    this.#connect(this.server, 'veth-server', '10.250.2')
    this.in(this.router, 'sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
    // Connections closed by the client must not use up its ports while it makes tens of thousands a second.
    this.in(this.client, 'sysctl', '-q', '-w', 'net.ipv4.tcp_max_tw_buckets=64')
    this.in(this.client, 'sysctl', '-q', '-w', 'net.ipv4.ip_local_port_range=1024 65535')
  }

  readonly serverAddress = '10.250.2.2'

  remove(): void {
    for (const namespace of [this.client, this.router, this.server])
      try {
        run('ip', 'netns', 'del', namespace)
      } catch {
        // it was not made, because an earlier step failed; that error is the one to show
      }
  }

  /** One packet per segment (`mtu`), or segments as large as TCP likes (`large`). */
  segments(size: 'mtu' | 'large'): void {
    const offload = size === 'mtu' ? 'off' : 'on'
    for (const namespace of [this.client, this.server])
      this.in(namespace, 'ethtool', '-K', 'eth0', 'tso', offload, 'gso', offload)
  }

  /** Times a program on the watched interfaces ran: each packet received or sent there is one. */
  hooks(): number {
    const links = JSON.parse(this.in(this.router, 'ip', '-j', '-s', 'link', 'show', 'type', 'veth')) as LinkStatistics[]
    return links.reduce((sum, { stats64 }) => sum + stats64.rx.packets + stats64.tx.packets, 0)
  }

  /** The command that runs `command` in a namespace; `ip netns exec` would hide bpffs and tracefs. */
  command(namespace: string, ...command: readonly string[]): [program: string, args: string[]] {
    return ['nsenter', [`--net=/var/run/netns/${namespace}`, ...command]]
  }

  /** Runs a command in a namespace and returns what it printed. */
  in(namespace: string, ...command: readonly string[]): string {
    const [program, args] = this.command(namespace, ...command)
    return run(program, ...args)
  }

  /** Starts a command in a namespace, its output going to a file; the process has the pid of the command itself. */
  start(namespace: string, log: string, ...command: readonly string[]): ChildProcess {
    const output = openSync(log, 'a')
    const child = spawn(...this.command(namespace, ...command), { stdio: ['ignore', output, output] })
    closeSync(output)
    return child
  }

  #connect(namespace: string, name: string, prefix: string): void {
    this.in(this.router, 'ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    this.in(this.router, 'ip', 'address', 'add', `${prefix}.1/24`, 'dev', name)
    this.in(this.router, 'ip', 'link', 'set', name, 'up')
    this.in(namespace, 'ip', 'address', 'add', `${prefix}.2/24`, 'dev', 'eth0')
    this.in(namespace, 'ip', 'link', 'set', 'eth0', 'up')
    this.in(namespace, 'ip', 'route', 'add', 'default', 'via', `${prefix}.1`)
  }
}

interface LinkStatistics {
  stats64: { rx: { packets: number }; tx: { packets: number } }
}

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
