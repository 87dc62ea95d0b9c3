import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EventType, L7Type } from '../../src/flow/enums.ts'
import { eventTypeText } from '../../src/flow/event-type-text.ts'
import { type FlowRow, flowBatch, TCP_SYN } from '../support/flows.ts'

const test = suite('eventTypeText')

const cases: readonly { row: FlowRow; text: string }[] = [
  { row: { eventType: EventType.TRACE, eventSubType: 0 }, text: 'to-endpoint' },
  { row: { eventType: EventType.TRACE, eventSubType: 11 }, text: 'to-network' },
  { row: { eventType: EventType.TRACE, eventSubType: 99 }, text: '99' },
  { row: { eventType: EventType.DROP, eventSubType: 133 }, text: 'Policy denied' },
  { row: { eventType: EventType.DROP, eventSubType: 205 }, text: 'Punt to proxy' },
  { row: { eventType: EventType.DROP, eventSubType: 206 }, text: '206, 0' },
  { row: { eventType: EventType.DROP, eventSubType: 159 }, text: '159, 0' },
  { row: { eventType: EventType.POLICY_VERDICT, direction: 1 }, text: 'policy-verdict:none INGRESS' },
  { row: { eventType: 0 }, text: 'UNKNOWN' },
  { row: { eventType: EventType.L7, l7: { type: L7Type.RESPONSE, query: 'a.' } }, text: 'dns-response packet' },
]
for (const { row, text } of cases)
  test(`prints ${text}`, () => assert.is(eventTypeText(flowBatch([{ ...TCP_SYN, ...row }]), 0), text))

test.run()
