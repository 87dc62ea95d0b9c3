import { execute } from '../../src/cli/execute.ts'
import { catalog } from '../../src/components.ts'
import { Catalog } from '../../src/pipeline/catalog.ts'
import type { Component, FlowConsumer, ReceiverFactory } from '../../src/pipeline/component.ts'
import { numberedBatch } from './flow-source.ts'

/** The command line with a receiver `numbered` beside the real components: its flows are numbered by their source address. */

interface NumberedConfig {
  first: number
  /** 0 = none. */
  per_second: number
}

const BATCHES_PER_SECOND = 50

const factory: ReceiverFactory<NumberedConfig> = {
  type: 'numbered',
  config: {
    schema: {
      first: { doc: 'number of the first flow', format: 'nat', default: 0 },
      per_second: { doc: 'flows a second', format: 'nat', default: 0 },
    },
  },
  flows: async (_context, config, next) => numbered(config, next),
}

function numbered({ first, per_second }: NumberedConfig, next: FlowConsumer): Component {
  let number = first
  let timer: NodeJS.Timeout | undefined
  const rows = Math.ceil(per_second / BATCHES_PER_SECOND)
  const send = () => {
    const batch = numberedBatch(number, rows)
    number += rows
    const hand = async () => next.consume(batch)
    // A refusal is counted by the exporter; the numbers go on.
    hand().catch(() => {})
  }
  return {
    async start() {
      if (rows > 0) timer = setInterval(send, 1_000 / BATCHES_PER_SECOND)
    },
    async shutdown() {
      clearInterval(timer)
    },
  }
}

const entries = [...catalog.entries, { kind: 'receiver' as const, type: 'numbered', load: async () => factory }]
process.exit(await execute(process.argv, { catalog: new Catalog(entries), force: () => process.exit(1) }))
