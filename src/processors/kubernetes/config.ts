import { DROP_REASONS } from '../../flow/drop-reason-names.ts'
import { parseSelector } from '../../hubble/filters/label-selector.ts'
import { LabelFilter } from '../../kubernetes/label-filter.ts'
import type { ConfigSpec, Problem } from '../../pipeline/component.ts'
import { type OptionalSection, optionalSection } from '../../pipeline/settings/optional-section.ts'

/** Settings of the `kubernetes` processor. Durations in milliseconds. */
export interface KubernetesConfig {
  auth_type: 'auto' | 'kubeConfig' | 'serviceAccount'
  /** File; `''` = `$KUBECONFIG`. */
  kube_config: string
  context: string
  /** Folder; `''` = where kubelet puts it. */
  service_account_directory: string
  /** `''` = the node name of the service. */
  node_name: string
  cluster_name: string
  labels: string[]
  cilium: { endpoints: boolean; endpoint_slices: boolean; identities: boolean }
  observe: { mode: 'all' | 'selected'; label_selector: string; unobserved: 'drop' | 'keep' }
  agents: { namespace: string; label_selector: string }
  wait_for_sync: number
  wait_for_metadata: number
  max_waiting_flows: number
  history: number
  max_history: number
  drop_events: DropEventsConfig
}

export interface DropEventsConfig extends OptionalSection {
  reasons: string[]
  threshold: number
  interval: number
  rate_limit: number
}

export const kubernetesConfig: ConfigSpec<KubernetesConfig> = {
  schema: {
    auth_type: {
      doc: "auto: kube_config or $KUBECONFIG, else the pod's service account, else ~/.kube/config",
      format: ['auto', 'kubeConfig', 'serviceAccount'],
      default: 'auto',
    },
    kube_config: { doc: 'kubeconfig file; empty: $KUBECONFIG', format: 'file', default: '' },
    context: { doc: 'context of the kubeconfig; empty: its current one', format: String, default: '' },
    service_account_directory: {
      doc: "folder with token, ca.crt and namespace; empty: kubelet's, /var/run/secrets/kubernetes.io/serviceaccount",
      format: String,
      default: '',
    },
    node_name: {
      doc: "name of this agent's node; empty: k8s.node.name of service::telemetry::resource, else the host's name",
      format: String,
      default: '',
    },
    cluster_name: { doc: 'name of the cluster, as Cilium has it', format: String, default: 'default' },
    labels: {
      doc: "which labels make identities, in Cilium's syntax (`labels` there), on top of its defaults",
      format: 'string-list',
      default: [],
    },
    cilium: {
      endpoints: { doc: 'read identities of CiliumEndpoints where that CRD exists', format: Boolean, default: true },
      endpoint_slices: {
        doc: 'read identities of CiliumEndpointSlices where that CRD exists',
        format: Boolean,
        default: true,
      },
      identities: { doc: 'read CiliumIdentities where that CRD exists', format: Boolean, default: true },
    },
    observe: {
      mode: {
        doc: 'all: pods are observed unless they say no; selected: only those that say yes',
        format: ['all', 'selected'],
        default: 'all',
      },
      label_selector: { doc: 'pods with these labels are observed', format: String, default: '' },
      unobserved: {
        doc: 'drop: flows are removed where no pod at their ends is observed; keep: all stay',
        format: ['drop', 'keep'],
        default: 'drop',
      },
    },
    agents: {
      namespace: { doc: 'namespace of the pods that run agents; empty: any', format: String, default: '' },
      label_selector: {
        doc: 'labels of the pods that run agents, for hubble-relay',
        format: String,
        default: 'app.kubernetes.io/name=fovea,app.kubernetes.io/component=agent',
      },
    },
    wait_for_sync: {
      doc: 'the start waits at most this long until the cluster is known; 0: not at all',
      format: 'duration',
      default: '10s',
    },
    wait_for_metadata: {
      doc: 'flows with an address nobody has are held this long for news of it; 0: not at all',
      format: 'duration',
      default: '0s',
    },
    max_waiting_flows: {
      doc: 'flows held at a time; beyond, the oldest go on',
      format: 'positive-int',
      default: 65_536,
    },
    history: {
      doc: 'how long it is known who had an address or port before',
      format: 'positive-duration',
      default: '1m',
    },
    max_history: {
      doc: 'past owners known at a time: of addresses, of ports',
      format: 'positive-int',
      default: 32_768,
    },
    drop_events: optionalSection({
      reasons: {
        doc: "names of Hubble's DropReason that are told",
        format: 'string-list',
        default: ['AUTH_REQUIRED', 'POLICY_DENIED'],
      },
      threshold: { doc: 'drops of one kind within interval that make an Event', format: 'positive-int', default: 3 },
      interval: { doc: 'time between two Events of one kind', format: 'positive-duration', default: '2m' },
      rate_limit: { doc: 'Events a second on the long run', format: 'positive-int', default: 1 },
    }),
  },
  check,
}

function check(config: KubernetesConfig): Problem[] {
  const problems: Problem[] = []
  const attempt = (path: string[], parse: () => unknown) => {
    try {
      parse()
    } catch (error) {
      problems.push({ path, message: (error as Error).message })
    }
  }
  attempt(['labels'], () => new LabelFilter(config.labels))
  attempt(['observe', 'label_selector'], () => parseSelector(config.observe.label_selector))
  attempt(['agents', 'label_selector'], () => parseSelector(config.agents.label_selector))
  if (config.auth_type === 'serviceAccount' && (config.kube_config !== '' || config.context !== ''))
    problems.push({ path: ['auth_type'], message: 'kube_config and context have no meaning with serviceAccount' })
  if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(config.cluster_name))
    problems.push({ path: ['cluster_name'], message: 'expected lower-case letters, digits and "-"' })
  for (const [i, reason] of config.drop_events.reasons.entries())
    if (DROP_REASONS[reason] === undefined)
      problems.push({
        path: ['drop_events', 'reasons', String(i)],
        message: `unknown drop reason ${JSON.stringify(reason)}`,
      })
  return problems
}
