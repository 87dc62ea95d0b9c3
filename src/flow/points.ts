import { Direction, ObservationPoint, TraceSubType } from './enums.ts'

/** `enum fovea_point` (`bpf/include/event.h`): where the packets of a connection are seen. */
export const Point = { TO_STACK: 0, TO_ENDPOINT: 1, FROM_NETWORK: 2, TO_NETWORK: 3, NONE: 255 } as const

/**
 * What an observation point of the kernel means in Hubble's numbers, by `enum fovea_point`. TCP events and drops have
 * no point: the former print as `to-stack`, the latter by their reason.
 */
export const POINT_OBSERVATION = new Uint8Array(256)
/** `event_type.sub_type` of a trace at that point. */
export const POINT_SUB_TYPE = new Uint8Array(256).fill(TraceSubType.TO_STACK)
/** Direction at that point when the connection's own is unknown. */
export const POINT_DIRECTION = new Uint8Array(256)

const POINTS = [
  [Point.TO_STACK, ObservationPoint.TO_STACK, TraceSubType.TO_STACK, Direction.EGRESS],
  [Point.TO_ENDPOINT, ObservationPoint.TO_ENDPOINT, TraceSubType.TO_ENDPOINT, Direction.INGRESS],
  [Point.FROM_NETWORK, ObservationPoint.FROM_NETWORK, TraceSubType.FROM_NETWORK, Direction.INGRESS],
  [Point.TO_NETWORK, ObservationPoint.TO_NETWORK, TraceSubType.TO_NETWORK, Direction.EGRESS],
  [Point.NONE, ObservationPoint.UNKNOWN, TraceSubType.TO_STACK, Direction.UNKNOWN],
] as const

for (const [point, observation, subType, direction] of POINTS) {
  POINT_OBSERVATION[point] = observation
  POINT_SUB_TYPE[point] = subType
  POINT_DIRECTION[point] = direction
}
