import { Direction } from '../../flow/enums.ts'
import { Point } from '../../flow/points.ts'
import { PacketDirection } from './packet.ts'

/** Where a capture was taken: on a node's own device, or on the host side of a pod's interface. */
export type Vantage = 'network' | 'endpoint'

/**
 * Observation point (`Point`) of a packet. A capture that does not tell directions is taken to be the initiator's.
 * @param direction `PacketDirection` @param fromInitiator whether the initiator of the connection sent it
 */
export function pointOf(vantage: Vantage, direction: number, fromInitiator: boolean): number {
  if (vantage === 'network') {
    const outbound = isKnown(direction) ? direction === PacketDirection.OUTBOUND : fromInitiator
    return outbound ? Point.TO_NETWORK : Point.FROM_NETWORK
  }
  // What comes in on the host side has left the pod.
  const inbound = isKnown(direction) ? direction === PacketDirection.INBOUND : fromInitiator
  return inbound ? Point.TO_STACK : Point.TO_ENDPOINT
}

/** Direction of a connection by one packet: its initiator's packets leave (EGRESS) or arrive (INGRESS) here. */
export function directionOf(point: number, fromInitiator: boolean): number {
  const leaves = point === Point.TO_NETWORK || point === Point.TO_STACK
  return leaves === fromInitiator ? Direction.EGRESS : Direction.INGRESS
}

function isKnown(direction: number): boolean {
  return direction === PacketDirection.INBOUND || direction === PacketDirection.OUTBOUND
}
