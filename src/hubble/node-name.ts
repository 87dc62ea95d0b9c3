/** `cluster/node`; in the cluster named `default` the node's name alone. */
export function fullNodeName(node: string, cluster: string): string {
  return cluster === 'default' || cluster === '' || node.includes('/') ? node : `${cluster}/${node}`
}

/** Name that the agent's certificate must carry for hubble-relay (`<node>.<cluster>.hubble-grpc.cilium.io`). */
export function tlsServerName(nodeName: string, cluster: string): string {
  const [node, name] = [nodeName.split('/').at(-1)!, cluster === '' ? 'default' : cluster]
  return `${node.replaceAll('.', '-')}.${name.replaceAll('.', '-')}.hubble-grpc.cilium.io`
}
