import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Makes `config/replay.pcapng`: `sudo node scripts/make-capture.ts [FILE]`. A client, a web server and a DNS server in
 * namespaces of their own talk through a fourth one that routes, as a node does with its pods, and drops telnet. What
 * passes the routing side of their interfaces is recorded. Needs iproute2, iptables, ethtool, ping and python3.
 */

const file = process.argv[2] ?? new URL('../config/replay.pcapng', import.meta.url).pathname
const prefix = `fovea-capture-${process.pid}`
const node = `${prefix}-node`
const NFLOG_GROUP = 17
const PODS = ['client', 'web', 'dns'] as const

const here = (name: string) => new URL(name, import.meta.url).pathname
const run = (command: string) => execFileSync('sh', ['-ec', command], { stdio: ['ignore', 'ignore', 'inherit'] })
const inside = (pod: string, command: string, ...args: string[]) =>
  spawn('ip', ['netns', 'exec', `${prefix}-${pod}`, command, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })

function buildNetwork(): void {
  run(`ip netns add ${node}
    ip netns exec ${node} sh -ec 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding'
    ip -n ${node} link set lo up`)
  for (const [i, pod] of PODS.entries()) addPod(pod, i + 1)
  const rule = `ip netns exec ${node} iptables -A FORWARD -p tcp --dport 23`
  run(`${rule} -j NFLOG --nflog-group ${NFLOG_GROUP} --nflog-prefix DROP; ${rule} -j DROP`)
}

function addPod(pod: string, net: number): void {
  const space = `${prefix}-${pod}`
  const segment = 'tso off gso off gro off tx off'
  run(`ip netns add ${space}
    ip -n ${node} link add veth-${pod} type veth peer name eth0 netns ${space}
    ip -n ${node} addr add 10.7.${net}.1/24 dev veth-${pod}
    ip -n ${node} addr add fd07:${net}::1/64 dev veth-${pod} nodad
    ip -n ${space} addr add 10.7.${net}.2/24 dev eth0
    ip -n ${space} addr add fd07:${net}::2/64 dev eth0 nodad
    ip -n ${node} link set veth-${pod} up
    ip -n ${space} link set lo up
    ip -n ${space} link set eth0 up
    ip -n ${space} route add default via 10.7.${net}.1
    ip -n ${space} -6 route add default via fd07:${net}::1
    ip netns exec ${node} ethtool -K veth-${pod} ${segment} >/dev/null
    ip netns exec ${space} ethtool -K eth0 ${segment} >/dev/null`)
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

async function record(): Promise<void> {
  const traffic = here('capture-traffic.ts')
  const servers = [inside('web', process.execPath, traffic, 'web'), inside('dns', process.execPath, traffic, 'dns')]
  // The servers, and the neighbour tables, need a moment.
  await sleep(2_000)
  const devices = PODS.map((pod) => `veth-${pod}`)
  const recorder = inside('node', 'python3', here('record-packets.py'), file, String(NFLOG_GROUP), ...devices)
  await once(recorder.stdout, 'data')
  try {
    const client = inside('client', process.execPath, traffic, 'client')
    const pings = ['10.7.2.2', 'fd07:3::2'].map((to) => inside('client', 'ping', '-c', '8', '-i', '2', to))
    const codes = await Promise.all([client, ...pings].map((child) => once(child, 'exit')))
    if (codes.some(([code]) => code !== 0)) throw new Error(`a client ended with an error (${codes.join(' ')})`)
  } finally {
    await Promise.all([recorder, ...servers].map(end))
  }
}

try {
  buildNetwork()
  await record()
} finally {
  for (const space of [node, ...PODS.map((pod) => `${prefix}-${pod}`)]) {
    run(`ip netns del ${space} 2>/dev/null || true`)
  }
}
