import { statSync } from 'node:fs'
import { join } from 'node:path'

/** Where a host's kernel shows its statistics. */
export interface HostPaths {
  /** `net` of a process of the host's network namespace. */
  procNet: string
  /** sysctls of netfilter. */
  netfilter: string
  sys: string
  /** The host's network namespace; `''` = that of this process. */
  networkNamespace: string
}

const OWN_NAMESPACE = '/proc/self/ns/net'

/** @param root where the host's file system is mounted; `''` = this process is on the host */
export function hostPaths(root: string): HostPaths {
  if (root === '')
    return { procNet: '/proc/net', netfilter: '/proc/sys/net/netfilter', sys: '/sys', networkNamespace: '' }
  const init = join(root, 'proc/1')
  const namespace = join(init, 'ns/net')
  return {
    procNet: join(init, 'net'),
    netfilter: join(root, 'proc/sys/net/netfilter'),
    sys: join(root, 'sys'),
    // Already there (hostNetwork): entering it would only need a capability.
    networkNamespace: sameFile(namespace, OWN_NAMESPACE) ? '' : namespace,
  }
}

function sameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one), statSync(other)]
    return a.ino === b.ino && a.dev === b.dev
  } catch {
    // Whoever opens it gets the error, with its cause.
    return false
  }
}
