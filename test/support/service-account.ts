import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster } from './cluster.ts'
import { TemporaryFolder } from './temporary-folder.ts'

/** A service account as a pod has it: environment variables of this process, and a folder as kubelet fills it. */
export class MountedServiceAccount {
  readonly #folder = new TemporaryFolder()
  readonly #before = { ...process.env }

  /** @param token as TokenRequest gives it */
  constructor(cluster: Cluster, namespace: string, token: string) {
    const { hostname, port } = new URL(cluster.url)
    delete process.env.KUBECONFIG
    Object.assign(process.env, { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port })
    copyFileSync(join(cluster.folder, 'ca.crt'), join(this.directory, 'ca.crt'))
    writeFileSync(join(this.directory, 'namespace'), namespace)
    this.rotate(token)
  }

  get directory(): string {
    return this.#folder.path
  }

  /** Puts another token in place. */
  rotate(token: string): void {
    writeFileSync(join(this.directory, 'token'), token)
  }

  /** Puts another authority in place. @param pem certificates */
  trust(pem: string): void {
    writeFileSync(join(this.directory, 'ca.crt'), pem)
  }

  remove(): void {
    for (const name of ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT']) {
      const { [name]: value } = this.#before
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    this.#folder.remove()
  }
}
