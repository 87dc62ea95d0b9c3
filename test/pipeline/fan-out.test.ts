import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { type FlowConsumer, RefusedError } from '../../src/pipeline/component.ts'
import { fanOut } from '../../src/pipeline/fan-out.ts'
import { flowBatch, TCP_SYN } from '../support/flows.ts'

const fan = suite('fanOut')

/** Keeps what it gets and answers as the test says. */
class Sink implements FlowConsumer {
  readonly batches: FlowBatch[] = []
  readonly mutates: boolean
  #answer: () => void | Promise<void>

  constructor(mutates: boolean, answer: () => void | Promise<void> = () => {}) {
    this.mutates = mutates
    this.#answer = answer
  }

  consume(batch: FlowBatch): void | Promise<void> {
    this.batches.push(batch)
    return this.#answer()
  }
}

const branches = (sinks: readonly Sink[]) => sinks.map((consumer, i) => ({ name: `exporter "${i}"`, consumer }))

const cases = [
  { name: 'a single consumer gets the batch', mutates: [true], shared: [true], fanMutates: true },
  { name: 'readers share one batch', mutates: [false, false], shared: [true, true], fanMutates: false },
  { name: 'a writer beside a reader gets a copy', mutates: [true, false], shared: [false, true], fanMutates: false },
  {
    name: 'of writers only the last gets the batch itself',
    mutates: [true, true],
    shared: [false, true],
    fanMutates: true,
  },
  {
    name: 'writers beside readers all get copies, wherever they stand',
    mutates: [false, true, true, false],
    shared: [true, false, false, true],
    fanMutates: false,
  },
]
for (const { name, mutates, shared, fanMutates } of cases) {
  fan(name, async () => {
    const sinks = mutates.map((writes) => new Sink(writes))
    const out = fanOut(branches(sinks))
    const batch = flowBatch([TCP_SYN, TCP_SYN])
    await out.consume(batch)
    assert.equal(
      sinks.map((sink) => sink.batches[0] === batch),
      shared,
    )
    assert.is(out.mutates, fanMutates)
  })
}

fan('what a writer changes is not seen by readers', async () => {
  const seen: number[] = []
  const writer: FlowConsumer = { mutates: true, consume: (batch) => void batch.columns.sourcePort.fill(1) }
  const reader: FlowConsumer = { mutates: false, consume: (batch) => void seen.push(batch.columns.sourcePort[0] ?? 0) }
  await fanOut([
    { name: 'writer', consumer: writer },
    { name: 'reader', consumer: reader },
  ]).consume(flowBatch([TCP_SYN]))
  assert.equal(seen, [40_000])
})

fan('without promises it is done when it returns', () => {
  assert.is(fanOut(branches([new Sink(false), new Sink(true)])).consume(flowBatch([TCP_SYN])), undefined)
})

fan('a consumer is asked only when the one before it is done', async () => {
  const first = Promise.withResolvers<void>()
  const sinks = [new Sink(false, () => first.promise), new Sink(false)]
  let done = false
  const pending = Promise.resolve(fanOut(branches(sinks)).consume(flowBatch([TCP_SYN]))).then(() => {
    done = true
  })
  await new Promise(setImmediate)
  assert.equal([sinks[1]?.batches.length, done], [0, false])
  first.resolve()
  await pending
  assert.equal([sinks[1]?.batches.length, done], [1, true])
})

const fail = (message: string) => () => {
  throw new Error(message)
}
const reject = (message: string) => () => Promise.reject(new Error(message))
const refuse = (message: string) => () => {
  throw new RefusedError(message)
}

const failures = [
  {
    name: 'the failing one is named',
    answers: [() => {}, fail('down')],
    message: 'exporter "1": down',
    refused: false,
  },
  {
    name: 'also when it fails later',
    answers: [reject('down'), () => {}],
    message: 'exporter "0": down',
    refused: false,
  },
  {
    name: 'several are all named',
    answers: [fail('a'), () => {}, reject('b')],
    message: 'exporter "0": a; exporter "2": b',
    refused: false,
  },
  {
    name: 'when all refuse nothing was kept',
    answers: [refuse('full'), refuse('memory')],
    message: 'exporter "0": full; exporter "1": memory',
    refused: true,
  },
  {
    name: 'when only some refuse the batch must not be sent again',
    answers: [refuse('full'), () => {}],
    message: 'exporter "0": full',
    refused: false,
  },
]
for (const { name, answers, message, refused } of failures) {
  fan(`every consumer is tried: ${name}`, async () => {
    const sinks = answers.map((answer) => new Sink(false, answer))
    const error = await consumeError(fanOut(branches(sinks)))
    assert.is(error.message, message)
    assert.is(error instanceof RefusedError, refused)
    assert.equal(
      sinks.map((sink) => sink.batches.length),
      answers.map(() => 1),
    )
  })
}

async function consumeError(consumer: FlowConsumer): Promise<Error> {
  try {
    await consumer.consume(flowBatch([TCP_SYN]))
  } catch (error) {
    return error as Error
  }
  throw new Error('consume did not fail')
}

fan.run()
