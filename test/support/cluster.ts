import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeClusterKeys } from './cluster-keys.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'
import { peer } from './peers.ts'

export interface ClusterOptions {
  /** kwok plays the nodes: pods bound to a node get addresses and run. */
  kwok?: boolean
}

/** Operations that etcd takes in one transaction. */
const ETCD_OPERATIONS = 128

/** An API server whose etcd went first never ends by itself, so the newest goes first; what still hangs is killed. */
const STOP_TIMEOUT_MS = 10_000

/**
 * A real control plane on free ports of 127.0.0.1: etcd and kube-apiserver with RBAC, without controllers. Tokens of service
 * accounts are really authorised. Everything lies in one temporary folder.
 */
export class Cluster {
  readonly folder: string
  readonly #ports: { api: number; etcd: number; etcdPeer: number }
  readonly #processes: { name: string; child: ChildProcess }[] = []

  private constructor(folder: string, ports: { api: number; etcd: number; etcdPeer: number }) {
    this.folder = folder
    this.#ports = ports
  }

  /** Takes some 4 s. @throws Error with the log of the program that did not start */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const folder = mkdtempSync(join(tmpdir(), 'fovea-cluster-'))
    const ports = { api: await freePort(), etcd: await freePort(), etcdPeer: await freePort() }
    const cluster = new Cluster(folder, ports)
    try {
      makeClusterKeys(folder)
      cluster.writeKubeconfig('admin', '{client-certificate: admin.crt, client-key: admin.key}')
      await cluster.#startEtcd()
      await cluster.startApiServer()
      if (options.kwok === true) cluster.#startKwok()
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  /** Kubeconfig of a member of system:masters. */
  get kubeconfig(): string {
    return join(this.folder, 'admin.yaml')
  }

  get url(): string {
    return `https://127.0.0.1:${this.#ports.api}`
  }

  /** @param user YAML of the user's credentials. @returns the kubeconfig's path */
  writeKubeconfig(name: string, user: string): string {
    const path = join(this.folder, `${name}.yaml`)
    writeFileSync(
      path,
      `apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "${this.url}", certificate-authority: ca.crt}}]
users: [{name: ${name}, user: ${user}}]
contexts: [{name: test, context: {cluster: test, user: ${name}}}]
current-context: test
`,
    )
    return path
  }

  /** Kubeconfig with a token of a service account, which must exist. */
  serviceAccount(namespace: string, name: string): string {
    const token = this.kubectl('create', 'token', name, '-n', namespace).trim()
    return this.writeKubeconfig(`${namespace}-${name}`, `{token: ${token}}`)
  }

  /** Runs kubectl as admin. @throws Error with what it said */
  kubectl(...args: string[]): string {
    return execFileSync(peer('kubectl'), ['--kubeconfig', this.kubeconfig, ...args], { stdio: 'pipe' }).toString()
  }

  /** `kubectl apply` of manifests as text. */
  apply(manifests: string): string {
    return execFileSync(peer('kubectl'), ['--kubeconfig', this.kubeconfig, 'apply', '-f', '-'], {
      input: manifests,
      stdio: 'pipe',
    }).toString()
  }

  /** Runs etcdctl, for example `compact`. */
  etcdctl(...args: string[]): string {
    const endpoint = `127.0.0.1:${this.#ports.etcd}`
    return execFileSync(peer('etcdctl'), ['--endpoints', endpoint, ...args], { stdio: 'pipe' }).toString()
  }

  /** Puts objects into etcd past the API server, which would take minutes for tens of thousands. @param pairs key and JSON */
  async store(pairs: readonly (readonly [string, string])[]): Promise<void> {
    const base64 = (text: string) => Buffer.from(text).toString('base64')
    const puts = pairs.map(([key, value]) => ({ requestPut: { key: base64(key), value: base64(value) } }))
    for (let i = 0; i < puts.length; i += ETCD_OPERATIONS) {
      const body = JSON.stringify({ success: puts.slice(i, i + ETCD_OPERATIONS) })
      const answer = await fetch(`http://127.0.0.1:${this.#ports.etcd}/v3/kv/txn`, { method: 'POST', body })
      if (!answer.ok) throw new Error(`etcd: ${answer.status} ${await answer.text()}`)
    }
  }

  async #startEtcd(): Promise<void> {
    const [client, own] = [`http://127.0.0.1:${this.#ports.etcd}`, `http://127.0.0.1:${this.#ports.etcdPeer}`]
    const urls = [`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`, `--listen-peer-urls=${own}`]
    const peers = [`--initial-advertise-peer-urls=${own}`, `--initial-cluster=default=${own}`]
    const data = ['--data-dir', join(this.folder, 'etcd'), '--unsafe-no-fsync', '--log-level', 'warn']
    this.#spawn('etcd', [...data, ...urls, ...peers])
    await this.#until('etcd', async () => (await fetch(`${client}/health`)).ok)
  }

  /** Starts it, also again after `stopApiServer`, on the same port and with the same data. */
  async startApiServer(flags: readonly string[] = []): Promise<void> {
    const at = (name: string) => join(this.folder, name)
    this.#spawn('kube-apiserver', [
      `--etcd-servers=http://127.0.0.1:${this.#ports.etcd}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${this.#ports.api}`,
      '--endpoint-reconciler-type=none',
      '--service-cluster-ip-range=10.96.0.0/16',
      `--tls-cert-file=${at('apiserver.crt')}`,
      `--tls-private-key-file=${at('apiserver.key')}`,
      `--client-ca-file=${at('ca.crt')}`,
      '--authorization-mode=Node,RBAC',
      '--anonymous-auth=false',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${at('sa.pub')}`,
      `--service-account-signing-key-file=${at('sa.key')}`,
      // Nothing here would make the default service accounts that this plugin asks for.
      '--disable-admission-plugins=ServiceAccount',
      ...flags,
    ])
    await this.#until('kube-apiserver', () => this.#ready(), 90_000)
  }

  /** Ends the API server alone, at once: asked to end, it waits for watches until it is killed. */
  async stopApiServer(): Promise<void> {
    await this.#stop('kube-apiserver', 'SIGKILL')
  }

  /** Stops everything, newest first, and removes the folder. */
  async stop(): Promise<void> {
    for (const { name } of this.#processes.toReversed()) await this.#stop(name)
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Resident memory of one of its programs, bytes. */
  residentBytes(name: string): number {
    const pid = this.#processes.find((entry) => entry.name === name)?.child.pid
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1_024
  }

  #startKwok(): void {
    const stages = join(import.meta.dirname, 'kwok-stages.yaml')
    const args = ['--kubeconfig', this.kubeconfig, '--manage-all-nodes=true', '--config', stages]
    this.#spawn('kwok', [...args, '--server-address', '127.0.0.1:0', '--node-ip', '10.255.0.1'])
  }

  async #ready(): Promise<boolean> {
    const [ca, cert, key] = ['ca.crt', 'admin.crt', 'admin.key'].map((name) => readFileSync(join(this.folder, name)))
    const sent = request(`${this.url}/readyz`, { ca, cert, key, agent: false }).end()
    const [response] = await once(sent, 'response')
    response.resume()
    return response.statusCode === 200
  }

  #spawn(name: 'etcd' | 'kube-apiserver' | 'kwok', args: readonly string[]): void {
    mkdirSync(join(this.folder, 'logs'), { recursive: true })
    const log = openSync(join(this.folder, 'logs', name), 'a')
    // A test that is killed takes its programs along.
    const command = ['--pdeathsig', 'KILL', peer(name), ...args]
    const child = spawn('setpriv', command, { cwd: this.folder, stdio: ['ignore', log, log] })
    closeSync(log)
    this.#processes.push({ name, child })
  }

  async #until(name: string, ask: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
    const { child } = this.#processes.at(-1)!
    await eventually(
      `${name} to be ready`,
      async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended:\n${this.#log(name)}`)
        // Until it listens, connections are refused.
        return (await ask().catch(() => false)) || undefined
      },
      timeoutMs,
    ).catch((cause) => {
      throw new Error(`${(cause as Error).message}\n${this.#log(name)}`)
    })
  }

  #log(name: string): string {
    return readFileSync(join(this.folder, 'logs', name), 'utf8').slice(-4_000)
  }

  async #stop(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#processes.find((entry) => entry.name === name)?.child
    this.#processes.splice(0, Infinity, ...this.#processes.filter((entry) => entry.child !== child))
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(timer)
  }
}
