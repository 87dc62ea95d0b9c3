import { execFileSync } from 'node:child_process'
import { NetworkNamespace } from './network-namespace.ts'

/** A pod: a namespace with `eth0`, joined to the node by a veth. */
export interface Pod {
  name: string
  namespace: NetworkNamespace
  /** Name of the node's end of the veth. */
  hostInterface: string
  address: string
  address6: string
  gateway: string
}

/** What an interface of a pod counted so far. */
export interface InterfaceCounters {
  packets: number
  bytes: number
}

/** One end of a pod's veth: IPv4 and IPv6 address. */
interface End {
  dev: string
  mac: string
  addresses: string[]
}

/** A node and its pods as network namespaces; the node routes between the pods. */
export class NodeNetwork {
  readonly node: NetworkNamespace
  readonly pods: Pod[] = []
  readonly #purpose: string

  /** @param purpose becomes a part of the namespaces' names */
  constructor(purpose: string) {
    this.#purpose = purpose
    this.node = new NetworkNamespace(`${purpose}-node`)
    this.run(this.node, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
  }

  /** A new pod whose interfaces are down until {@link up}: nothing passes before an agent is attached. */
  addPod(): Pod {
    const n = this.pods.length + 1
    const namespace = new NetworkNamespace(`${this.#purpose}-pod${n}`)
    const pod = {
      name: `pod${n}`,
      namespace,
      hostInterface: `pod${n}`,
      address: `10.77.${n}.2`,
      address6: `fd77:${n}::2`,
      gateway: `10.77.${n}.1`,
    }
    const { name: inside } = namespace
    this.run(this.node, 'ip', 'link', 'add', pod.hostInterface, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inside)
    this.pods.push(pod)
    return pod
  }

  /**
   * Brings a pod's interfaces up, with addresses, routes and fixed neighbours: no ARP, no neighbour discovery. The node's end
   * comes last and goes first, so that the pod's counters tell exactly what passed both.
   */
  up(pod: Pod): void {
    const { hostInterface: host, namespace } = pod
    const n = pod.name.slice(3)
    const inside = { dev: 'eth0', mac: this.#mac(namespace, 'eth0'), addresses: [pod.address, pod.address6] }
    const outside = { dev: host, mac: this.#mac(this.node, host), addresses: [pod.gateway, `fd77:${n}::1`] }
    this.#bringUp(namespace, inside, outside)
    this.run(namespace, 'ip', 'route', 'add', 'default', 'via', pod.gateway)
    this.run(namespace, 'ip', '-6', 'route', 'add', 'default', 'via', `fd77:${n}::1`, 'dev', 'eth0')
    this.#bringUp(this.node, outside, inside)
  }

  /** Takes the node's end down: from now on nothing passes, and nothing is seen. */
  down(pod: Pod): void {
    this.run(this.node, 'ip', 'link', 'set', pod.hostInterface, 'down')
  }

  /** Switches segmentation offloads of both ends, so that every packet is one of the wire (or not). */
  offloads(pod: Pod, state: 'on' | 'off'): void {
    const features = ['tso', 'gso', 'gro'].flatMap((feature) => [feature, state])
    this.run(pod.namespace, 'ethtool', '-K', 'eth0', ...features)
    this.run(this.node, 'ethtool', '-K', pod.hostInterface, ...features)
  }

  /** What passed the pod's interface: what it sent (`tx`), received (`rx`), or both. */
  counters(pod: Pod, ...ways: ('rx' | 'tx')[]): InterfaceCounters {
    const [link] = JSON.parse(this.run(pod.namespace, 'ip', '-s', '-j', 'link', 'show', 'eth0'))
    const total = { packets: 0, bytes: 0 }
    for (const way of ways.length > 0 ? ways : ['rx', 'tx']) {
      total.packets += link.stats64[way].packets
      total.bytes += link.stats64[way].bytes
    }
    return total
  }

  /** TCP segments of the wire the pod sent, for the first time or again; those of GSO counted one by one. */
  tcpSegments(pod: Pod): number {
    const [names, values] = this.run(pod.namespace, 'cat', '/proc/net/snmp')
      .split('\n')
      .filter((line) => line.startsWith('Tcp:'))
      .map((line) => line.split(' '))
    const value = (name: string) => Number(values?.[names?.indexOf(name) ?? -1])
    return value('OutSegs') + value('RetransSegs')
  }

  /** Runs a command inside a namespace and returns its output. @throws Error with what it wrote to stderr */
  run(space: NetworkNamespace, ...command: readonly string[]): string {
    const [program, args] = space.command(...command)
    return execFileSync(program, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024, // all flows of a busy machine, as JSON
    })
  }

  remove(): void {
    for (const { namespace } of this.pods) namespace.remove()
    this.node.remove()
  }

  #bringUp(space: NetworkNamespace, own: End, other: End): void {
    const [own4 = '', own6 = ''] = own.addresses
    this.run(space, 'ip', 'addr', 'add', `${own4}/24`, 'dev', own.dev)
    this.run(space, 'ip', 'addr', 'add', `${own6}/64`, 'dev', own.dev, 'nodad')
    this.run(space, 'ip', 'link', 'set', own.dev, 'up')
    for (const address of other.addresses)
      this.run(space, 'ip', 'neigh', 'replace', address, 'lladdr', other.mac, 'dev', own.dev, 'nud', 'permanent')
  }

  #mac(space: NetworkNamespace, dev: string): string {
    const [link] = JSON.parse(this.run(space, 'ip', '-j', 'link', 'show', dev))
    return link.address
  }
}
