import type { AddressChange, AgentEvent, EndpointChange, ServiceAddress, ServiceUpserted } from '../flow/agent-event.ts'
import { timestamp } from './timestamp.ts'

/** `flow.AgentEventType` */
const TYPES: Readonly<Record<AgentEvent['at'], number>> = {
  agent_started: 2,
  endpoint_created: 7,
  endpoint_deleted: 8,
  ipcache_upserted: 9,
  ipcache_deleted: 10,
  service_upserted: 11,
  service_deleted: 12,
}

/** `flow.AgentEvent` of an event. */
export function agentEventMessage(event: AgentEvent): object {
  return { type: TYPES[event.at], ...notification(event) }
}

function notification(event: AgentEvent): object {
  switch (event.at) {
    case 'agent_started':
      return { agent_start: { time: timestamp(event.startMs) } }
    case 'endpoint_created':
    case 'endpoint_deleted':
      return { endpoint_update: endpointUpdate(event) }
    case 'ipcache_upserted':
    case 'ipcache_deleted':
      return { ipcache_update: ipcacheUpdate(event) }
    case 'service_upserted':
      return { service_upsert: serviceUpsert(event) }
    case 'service_deleted':
      return { service_delete: { id: event.id } }
    default:
      return event satisfies never
  }
}

function endpointUpdate({ end, namespace, podName }: EndpointChange): object {
  const { localId, labels } = end()
  return { id: localId, labels, namespace, pod_name: podName }
}

/** Hubble writes single addresses as prefixes, too. */
function ipcacheUpdate({ address, identity, oldIdentity, hostAddress, namespace, podName }: AddressChange): object {
  const [now, before] = [identity(), oldIdentity?.()]
  return {
    cidr: `${address}/${address.includes(':') ? 128 : 32}`,
    identity: now,
    old_identity: before === undefined ? undefined : { value: before },
    host_ip: hostAddress,
    namespace,
    pod_name: podName,
  }
}

function serviceUpsert({ id, service, type, frontend, backends }: ServiceUpserted): object {
  return {
    id,
    frontend_address: frontend && addressMessage(frontend),
    backend_addresses: backends().map(addressMessage),
    type,
    name: service.name,
    namespace: service.namespace,
  }
}

function addressMessage({ address, port }: ServiceAddress): object {
  return { ip: address, port }
}
