/**
 * The `ebpf` receiver in a process of its own, inside the network namespace it was started in. Its first argument is a JSON
 * object of settings that differ from the defaults (durations in ms). Speaks `AgentMessage`s over Node's IPC channel.
 */

import { addressText } from '../../src/flow/address.ts'
import type { FlowBatch } from '../../src/flow/batch.ts'
import { defaultsOf } from '../../src/pipeline/config/decode.ts'
import { type EbpfConfig, ebpfConfig } from '../../src/receivers/ebpf/config.ts'
import { factory } from '../../src/receivers/ebpf/factory.ts'
import { createContext } from './create-context.ts'
import type { AgentCommand, AgentFlow, AgentMessage } from './ebpf-agent.ts'

const context = createContext('receiver', 'ebpf')
const config = merged(defaultsOf(ebpfConfig.schema), JSON.parse(process.argv[2] ?? '{}')) as unknown as EbpfConfig
/** While held, `consume` does not return: the pipeline is stuck. */
let held: { promise: Promise<void>; resolve: () => void } | undefined

const receiver = await factory.flows?.(context, config, {
  mutates: false,
  async consume(batch) {
    await held?.promise
    send({ at: 'batch', flows: flowsOf(batch), lost: batch.lost })
  },
})

process.on('message', (command: AgentCommand) => void obey(command))
process.on('disconnect', () => process.exit())
try {
  await receiver?.start()
  send({ at: 'started' })
} catch (error) {
  send({ at: 'failed', name: (error as Error).name, message: (error as Error).message })
}

async function obey(command: AgentCommand): Promise<void> {
  switch (command) {
    case 'metrics':
      send({ at: 'metrics', values: metrics() })
      break
    case 'hold':
      held ??= Promise.withResolvers<void>()
      send({ at: 'obeyed' })
      break
    case 'release':
      held?.resolve()
      held = undefined
      send({ at: 'obeyed' })
      break
    case 'stop':
    case 'stop soon':
      await receiver?.shutdown(Date.now() + (command === 'stop' ? 10_000 : 1_000))
      await context.pool.close()
      process.send?.({ at: 'stopped', values: metrics(), log: context.lines.map((line) => line.msg) }, () =>
        process.exit(),
      )
      break
    default:
      command satisfies never
  }
}

function send(message: AgentMessage): void {
  process.send?.(message)
}

function metrics(): Record<string, number> {
  const values: Record<string, number> = {}
  for (const family of context.telemetry.families())
    for (const id of family.ids()) {
      const labels = (family.labelValues(id) ?? []).filter((value) => value !== 'ebpf')
      values[[family.name, ...labels].join(' ')] = family.value(id)
    }
  return values
}

function flowsOf({ columns, length, strings }: FlowBatch): AgentFlow[] {
  return Array.from({ length }, (_, i) => ({
    kind: columns.kind[i]!,
    report: columns.report[i]!,
    point: columns.observationPoint[i]!,
    protocol: columns.protocol[i]!,
    ipVersion: columns.ipVersion[i]!,
    source: addressText(columns.sourceAddress, i),
    destination: addressText(columns.destinationAddress, i),
    packets: columns.packets[i]!,
    bytes: columns.bytes[i]!,
    vlan: columns.vlan[i]!,
    interfaceName: strings[columns.interfaceName[i]!]!,
    dropReasonName: strings[columns.dropReasonName[i]!]!,
    dropLocation: strings[columns.dropLocation[i]!]!,
  }))
}

function merged(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const out = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const isSection = typeof value === 'object' && value !== null && !Array.isArray(value)
    out[key] = isSection
      ? merged((base[key] ?? {}) as Record<string, unknown>, value as Record<string, unknown>)
      : value
  }
  return out
}
