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

  /** Brings a pod's interfaces up, with addresses, routes and fixed neighbours: no ARP, no neighbour discovery. */
  up(pod: Pod): void {
    const n = pod.name.slice(3)
    const { hostInterface: host, namespace } = pod
    const ends = [
      {
        space: this.node,
        dev: host,
        own: `10.77.${n}.1`,
        own6: `fd77:${n}::1`,
        other: pod.address,
        other6: pod.address6,
      },
      {
        space: namespace,
        dev: 'eth0',
        own: pod.address,
        own6: pod.address6,
        other: pod.gateway,
        other6: `fd77:${n}::1`,
      },
    ]
    const macs = [this.#mac(this.node, host), this.#mac(namespace, 'eth0')]
    for (const [i, { space, dev, own, own6, other, other6 }] of ends.entries()) {
      this.run(space, 'ip', 'addr', 'add', `${own}/24`, 'dev', dev)
      this.run(space, 'ip', 'addr', 'add', `${own6}/64`, 'dev', dev, 'nodad')
      this.run(space, 'ip', 'link', 'set', dev, 'up')
      for (const address of [other, other6])
        this.run(space, 'ip', 'neigh', 'replace', address, 'lladdr', macs[1 - i]!, 'dev', dev, 'nud', 'permanent')
    }
    this.run(namespace, 'ip', 'route', 'add', 'default', 'via', pod.gateway)
    this.run(namespace, 'ip', '-6', 'route', 'add', 'default', 'via', `fd77:${n}::1`)
  }

  /** Takes the pod's end down: from now on nothing passes. */
  down(pod: Pod): void {
    this.run(pod.namespace, 'ip', 'link', 'set', 'eth0', 'down')
  }

  /** Switches segmentation offloads of both ends, so that every packet is one of the wire (or not). */
  offloads(pod: Pod, state: 'on' | 'off'): void {
    const features = ['tso', 'gso', 'gro'].flatMap((feature) => [feature, state])
    this.run(pod.namespace, 'ethtool', '-K', 'eth0', ...features)
    this.run(this.node, 'ethtool', '-K', pod.hostInterface, ...features)
  }

  /** What passed the pod's interface, both ways. */
  counters(pod: Pod): InterfaceCounters {
    const [link] = JSON.parse(this.run(pod.namespace, 'ip', '-s', '-j', 'link', 'show', 'eth0'))
    const { rx, tx } = link.stats64
    return { packets: rx.packets + tx.packets, bytes: rx.bytes + tx.bytes }
  }

  /** TCP segments of the wire the pod sent and received (RFC 4022; segments of GSO and GRO counted one by one). */
  tcpSegments(pod: Pod): { sent: number; received: number } {
    const [names, values] = this.run(pod.namespace, 'cat', '/proc/net/snmp')
      .split('\n')
      .filter((line) => line.startsWith('Tcp:'))
      .map((line) => line.split(' '))
    const value = (name: string) => Number(values?.[names?.indexOf(name) ?? -1])
    return { sent: value('OutSegs'), received: value('InSegs') }
  }

  /** Runs a command inside a namespace and returns its output. @throws Error with what it wrote to stderr */
  run(space: NetworkNamespace, ...command: readonly string[]): string {
    const [program, args] = space.command(...command)
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 })
  }

  remove(): void {
    for (const { namespace } of this.pods) namespace.remove()
    this.node.remove()
  }

  #mac(space: NetworkNamespace, dev: string): string {
    const [link] = JSON.parse(this.run(space, 'ip', '-j', 'link', 'show', dev))
    return link.address
  }
}
