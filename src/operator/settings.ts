import { LabelFilter } from '../kubernetes/label-filter.ts'

/** Settings of `fovea operator`; each is a flag and an environment variable (src/cli/operator.ts). Times in milliseconds. */
export interface OperatorSettings {
  /** `''` = $KUBECONFIG, the service account, ~/.kube/config. */
  kubeconfig: string
  context: string
  clusterName: string
  /** Namespace of the Lease; `''` = that of the pod or context. */
  namespace: string
  leaderElect: boolean
  leaseName: string
  leaseDurationMs: number
  renewDeadlineMs: number
  retryPeriodMs: number
  /** Expressions on top of the default label filter. */
  labels: readonly string[]
  endpointSlices: boolean
  installCrds: boolean
  allowCilium: boolean
  gcIntervalMs: number
  gcGraceMs: number
  workers: number
  qps: number
  burst: number
  /** `host:port` of metrics and health. */
  endpoint: string
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  logFormat: 'console' | 'json'
}

/** Defaults of all settings. */
export function operatorDefaults(): OperatorSettings {
  return {
    kubeconfig: '',
    context: '',
    clusterName: 'default',
    namespace: '',
    leaderElect: true,
    leaseName: 'fovea-operator',
    leaseDurationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryPeriodMs: 2_000,
    labels: [],
    endpointSlices: false,
    installCrds: false,
    allowCilium: false,
    gcIntervalMs: 300_000,
    gcGraceMs: 900_000,
    workers: 16,
    qps: 100,
    burst: 200,
    endpoint: 'localhost:9963',
    logLevel: 'info',
    logFormat: 'console',
  }
}

/** What is wrong with settings, one sentence each. */
export function checkOperatorSettings(settings: OperatorSettings): string[] {
  const problems: string[] = []
  const positive = [
    'leaseDurationMs',
    'renewDeadlineMs',
    'retryPeriodMs',
    'gcIntervalMs',
    'workers',
    'qps',
    'burst',
  ] as const
  for (const name of positive) if (!(settings[name] > 0)) problems.push(`${flag(name)} must be above 0`)
  if (settings.gcGraceMs < 0) problems.push(`${flag('gcGraceMs')} must not be below 0`)
  if (settings.renewDeadlineMs >= settings.leaseDurationMs)
    problems.push('--renew-deadline must be shorter than --lease-duration, or two replicas lead at once')
  if (settings.retryPeriodMs >= settings.renewDeadlineMs)
    problems.push('--retry-period must be shorter than --renew-deadline, or one lost request loses the lease')
  if (!/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/.test(settings.clusterName))
    problems.push('--cluster-name must be of a–z, 0–9 and -, at most 32 characters')
  try {
    new LabelFilter(settings.labels)
  } catch (error) {
    problems.push(`--labels: ${(error as Error).message}`)
  }
  return problems
}

/** `leaseDurationMs` → `--lease-duration`. */
function flag(name: string): string {
  return `--${name.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
