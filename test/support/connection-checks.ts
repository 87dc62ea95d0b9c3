import type { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Protocol } from '../../src/flow/enums.ts'
import { frame, udp } from './frames.ts'
import { PacketPrograms, type PacketProgramsOptions, type RecordFields } from './packet-programs.ts'

/** Programs of one test, and how a packet of the pod or to it reaches them. */
export interface Sent {
  programs: PacketPrograms
  fromPod(packet: Buffer): void
  toPod(packet: Buffer): void
}

export type Check = (name: string, options: PacketProgramsOptions, body: (sent: Sent) => void) => void

/** Tests of `tests` with programs of their own, at whose end the deltas of all records must add up to what was sent. */
export function exactly(tests: ReturnType<typeof suite>): Check {
  return (name, options, body) =>
    tests(name, () => {
      const programs = new PacketPrograms(options)
      try {
        body({
          programs,
          fromPod: (packet) => programs.fromPod(packet),
          toPod: (packet) => programs.toPod(packet),
        })
        const { reported, seen } = programs.settle()
        assert.equal(reported, seen, 'the deltas add up to what was sent')
      } finally {
        programs.close()
      }
    })
}

/** UDP to one of many ports: each is a connection. */
export function datagram(port: number): Buffer {
  return frame({}, Protocol.UDP, udp({ destinationPort: 6000 + port }))
}

/** What a record tells about its connection. */
export function story(record: RecordFields): number[] {
  return [record.report, record.point, record.direction, record.reply, record.packets]
}
