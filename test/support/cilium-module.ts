import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { goToolchain } from '../../scripts/go-toolchain.ts'
import { requiredVersion } from '../../scripts/peer-programs.ts'
import { root } from './checkout.ts'

const MODULE = 'github.com/cilium/cilium'

/** Cilium's own definition of a resource, for example `v2/ciliumendpoints`: out of Go's module cache, of the version hubble is built from. */
export async function ciliumCrd(name: string): Promise<string> {
  const cwd = join(root, 'test/peers/build/cilium')
  const go = await goToolchain()
  const wanted = `${MODULE}@v${requiredVersion(cwd, MODULE)}`
  const answer = execFileSync(go, ['mod', 'download', '-json', wanted], { cwd, stdio: 'pipe' }).toString()
  const { Dir } = JSON.parse(answer) as { Dir: string }
  return readFileSync(join(Dir, `pkg/k8s/apis/cilium.io/client/crds/${name}.yaml`), 'utf8')
}
