import { loadAddon } from './addon.ts'
import type { InterfacePatterns, InterfaceRole } from './capture.ts'

/** What the rule for roles looks at. */
export interface InterfaceTraits {
  name: string
  /** IFLA_INFO_KIND: `veth`, `bridge`, …; absent for hardware. */
  kind?: string
  loopback?: boolean
  /** The other end, or the device below, is in another network namespace. */
  lowerElsewhere?: boolean
  /** Index of the bridge, bond, … it is a port of. */
  master?: number
  /** Kind of that master. */
  portOf?: string
}

/**
 * The role that a running capture would give to an interface: for machines that have other interfaces than this one.
 * @param defaultRoute whether the namespace's default route leads through it
 */
export function classify(
  traits: InterfaceTraits,
  defaultRoute = false,
  patterns: InterfacePatterns = {},
): InterfaceRole {
  return loadAddon().classify(traits, defaultRoute, patterns)
}
