import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Peer } from '../test/support/peers.ts'

/** How one peer's program is built. */
export interface PeerProgram {
  readonly name: Peer
  /** Folder below test/peers/build whose go.mod and go.sum freeze every version. */
  readonly module: string
  readonly package: string
  readonly tags?: string
  /** Linker settings; `version` is that of `versionOf` in go.mod, without the v. */
  readonly ldflags?: (version: string) => string
  readonly versionOf: string
}

const CILIUM = 'github.com/cilium/cilium'
const PROMETHEUS = 'github.com/prometheus/prometheus'
const KUBERNETES = 'k8s.io/kubernetes'
const ETCD = 'go.etcd.io/etcd/server/v3'
const KWOK = 'sigs.k8s.io/kwok'

/** Prometheus without the service discoveries of the clouds: they are most of the build. */
const PROMETHEUS_TAGS = 'remove_all_sd,enable_kubernetes_sd'

export const PEER_PROGRAMS: readonly PeerProgram[] = [
  {
    name: 'hubble',
    module: 'cilium',
    package: `${CILIUM}/hubble`,
    versionOf: CILIUM,
    ldflags: (version) => `-X ${CILIUM}/hubble/pkg.Version=${version}`,
  },
  {
    name: 'hubble-relay',
    module: 'cilium',
    package: `${CILIUM}/hubble-relay`,
    versionOf: CILIUM,
    // Cilium splits this text at its blanks: version, commit, time.
    ldflags: (version) => `-X '${CILIUM}/pkg/version.ciliumVersion=${version} module 1970-01-01T00:00:00+00:00'`,
  },
  { name: 'hubble-upstream', module: 'hubble-upstream', package: '.', versionOf: CILIUM },
  { name: 'otelcol', module: 'otelcol', package: '.', versionOf: 'go.opentelemetry.io/collector/otelcol' },
  {
    name: 'prometheus',
    module: 'prometheus',
    package: `${PROMETHEUS}/cmd/prometheus`,
    tags: PROMETHEUS_TAGS,
    versionOf: PROMETHEUS,
    ldflags: prometheusVersion,
  },
  {
    name: 'promtool',
    module: 'prometheus',
    package: `${PROMETHEUS}/cmd/promtool`,
    tags: PROMETHEUS_TAGS,
    versionOf: PROMETHEUS,
    ldflags: prometheusVersion,
  },
  {
    name: 'grpcurl',
    module: 'grpcurl',
    package: 'github.com/fullstorydev/grpcurl/cmd/grpcurl',
    versionOf: 'github.com/fullstorydev/grpcurl',
    ldflags: (version) => `-X main.version=${version}`,
  },
  { name: 'etcd', module: 'etcd', package: ETCD, versionOf: ETCD },
  { name: 'etcdctl', module: 'etcd', package: 'go.etcd.io/etcd/etcdctl/v3', versionOf: ETCD },
  {
    name: 'kubectl',
    module: 'kubernetes',
    package: `${KUBERNETES}/cmd/kubectl`,
    versionOf: KUBERNETES,
    ldflags: kubernetesVersion,
  },
  {
    name: 'kube-apiserver',
    module: 'kubernetes',
    package: `${KUBERNETES}/cmd/kube-apiserver`,
    versionOf: KUBERNETES,
    ldflags: kubernetesVersion,
  },
  {
    name: 'kwok',
    module: 'kwok',
    package: `${KWOK}/cmd/kwok`,
    versionOf: KWOK,
    ldflags: (version) => `-X ${KWOK}/pkg/consts.Version=v${version}`,
  },
]

/** The API server does not start without a version of its own. */
function kubernetesVersion(version: string): string {
  const [major = '', minor = ''] = version.split('.')
  const values = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  const packages = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
  const settings = packages.flatMap((path) => Object.entries(values).map(([name, value]) => `${path}.${name}=${value}`))
  return settings.map((setting) => `-X ${setting}`).join(' ')
}

/** The Go module of Prometheus 3.13.5 is numbered 0.313.5. */
function prometheusVersion(moduleVersion: string): string {
  const [, minor = '', patch = ''] = moduleVersion.split('.')
  return `-X github.com/prometheus/common/version.Version=${minor[0]}.${minor.slice(1)}.${patch}`
}

/** The version that go.mod requires of a module, without its v. @throws Error when the module is not required */
export function requiredVersion(moduleFolder: string, module: string): string {
  const text = readFileSync(join(moduleFolder, 'go.mod'), 'utf8')
  const line = text.split('\n').find((candidate) =>
    candidate
      .trim()
      .replace(/^require /, '')
      .startsWith(`${module} v`),
  )
  const version = line?.split(' v')[1]?.split(' ')[0]
  if (version === undefined) throw new Error(`${moduleFolder}/go.mod does not require ${module}`)
  return version
}
