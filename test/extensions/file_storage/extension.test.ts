import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import fsPromises from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { catalog } from '../../../src/components.ts'
import type { FileStorageConfig } from '../../../src/extensions/file_storage/config.ts'
import { FileStorage } from '../../../src/extensions/file_storage/extension.ts'
import { folderName } from '../../../src/extensions/file_storage/folder-name.ts'
import { resolveConfig } from '../../../src/pipeline/config/resolve.ts'
import { planGraph } from '../../../src/pipeline/plan.ts'
import { openQueue } from '../../../src/pipeline/sending-queue/open-queue.ts'
import { queueStorage } from '../../../src/pipeline/sending-queue/storage.ts'
import { root } from '../../support/checkout.ts'
import { createContext, ownMetric } from '../../support/create-context.ts'
import { eventually } from '../../support/eventually.ts'
import { fileStorage } from '../../support/file-storage.ts'
import { drain, numberedItem } from '../../support/stored-queue.ts'
import { TemporaryFolder } from '../../support/temporary-folder.ts'
import { treeOf } from '../../support/trees.ts'

const test = suite('file_storage')
const folder = new TemporaryFolder()
const running: FileStorage[] = []
let directories = 0

test.after.each(async () => {
  for (const storage of running.splice(0)) await storage.shutdown(Date.now() + 1_000)
})
test.after(() => folder.remove())

function newDirectory(): string {
  const directory = folder.at(`storage-${directories++}`)
  mkdirSync(directory)
  return directory
}

async function started(directory: string, settings: Partial<FileStorageConfig> = {}) {
  const context = createContext('extension', 'file_storage')
  const storage = new FileStorage(context, fileStorage(directory, settings))
  running.push(storage)
  await storage.start()
  return { storage, context }
}

async function failure(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => '',
    (error: Error) => error.message,
  )
}

const FLOWS = { id: 'otlp_grpc/a', signal: 'flows' }

test('with fsync the disk has the names of folders and files before a request counts as accepted', async () => {
  const directory = newDirectory()
  const synced: string[] = []
  const { open } = fsPromises
  fsPromises.open = async (path, ...how) => {
    const handle = await open(path, ...how)
    const { sync } = handle
    handle.sync = () => {
      synced.push(String(path))
      return sync.call(handle)
    }
    return handle
  }
  syncBuiltinESMExports()
  try {
    const { storage, context } = await started(directory, { fsync: true })
    const queue = await storage.openQueue(FLOWS, 10, 'requests')
    assert.equal(synced, [directory])
    queue.offer(numberedItem(1))
    const labels = { extension: 'file_storage', exporter: FLOWS.id, data_type: FLOWS.signal }
    await eventually(
      'the request',
      () => ownMetric(context, 'fovea_file_storage_accepted_flows', labels) === 1 || undefined,
    )
    assert.equal(synced, [directory, join(directory, folderName(FLOWS))])
  } finally {
    fsPromises.open = open
    syncBuiltinESMExports()
  }
})

test('each exporter and signal has its own queue, which comes again', async () => {
  const directory = newDirectory()
  const owners = [FLOWS, { id: 'otlp_grpc/a', signal: 'metrics' }, { id: 'otlp_grpc/A', signal: 'flows' }]
  const first = await started(directory)
  for (const [i, owner] of owners.entries()) {
    const queue = await first.storage.openQueue(owner, 10, 'requests')
    assert.ok(queue.offer(numberedItem(i, 100, 5)))
    assert.is(await queue.close(), 0)
  }
  const labels = { extension: 'file_storage', exporter: 'otlp_grpc/a', data_type: 'flows' }
  assert.is(ownMetric(first.context, 'fovea_file_storage_accepted_flows', labels), 5)
  await first.storage.shutdown(Date.now() + 1_000)
  assert.equal(readdirSync(directory).sort(), [
    'exporter_otlp_grpc~002Fa_flows',
    'exporter_otlp_grpc~002Fa_metrics',
    'exporter_otlp_grpc~002F~0041_flows',
  ])
  const { storage, context } = await started(directory)
  for (const [i, owner] of owners.entries()) {
    const queue = await storage.openQueue(owner, 10, 'requests')
    if (i === 0) assert.ok(ownMetric(context, 'fovea_file_storage_bytes', labels) > 100)
    assert.equal(await drain(queue), [i])
  }
})

test('names of folders are safe, short, and different for different owners', () => {
  const ids = [
    'a',
    'a/b',
    'a/../../etc',
    'a/b_c',
    'a_b/c',
    'a/~002F',
    'a/ü😀',
    'A/b',
    `a/${'x'.repeat(400)}`,
    `a/${'x'.repeat(401)}`,
  ]
  const names = ids.flatMap((id) => ['flows', 'metrics'].map((signal) => folderName({ id, signal })))
  assert.is(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^exporter_[a-z0-9._~A-F-]{1,191}$/)
})

test('a queue is open once at a time', async () => {
  const { storage } = await started(newDirectory())
  const queue = await storage.openQueue(FLOWS, 10, 'requests')
  assert.match(await failure(storage.openQueue(FLOWS, 10, 'requests')), /otlp_grpc\/a \(flows\) is open already/)
  await queue.close()
  await queue.close()
  await (await storage.openQueue(FLOWS, 10, 'requests')).close()
})

test('a second agent is refused, until the first one is killed', async () => {
  const directory = newDirectory()
  const holder = spawn(process.execPath, [join(root, 'test/support/storage-holder.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(holder.stdout, 'data')
    assert.match(
      await failure(started(directory)),
      /^directory: .*: another agent, or another file_storage of this one/,
    )
    const patient = started(directory, { timeout: 20_000 })
    const gone = once(holder, 'close')
    holder.kill('SIGKILL')
    await gone
    assert.ok(existsSync(join(directory, 'lock')), 'left behind')
    await patient
    assert.match(await failure(started(directory)), /another agent/)
  } finally {
    holder.kill('SIGKILL')
  }
})

test('a folder that is missing, or is none, is told, and is made where that is wanted', async () => {
  const directory = folder.at('deep/down')
  assert.match(
    await failure(started(directory)),
    /deep\/down: there is no such folder: make it, or set create_directory/,
  )
  const { storage } = await started(directory, { create_directory: true, directory_permissions: 0o710 })
  await storage.openQueue(FLOWS, 10, 'requests')
  assert.is(statSync(directory).mode & 0o777, 0o710)
  assert.is(statSync(join(directory, folderName(FLOWS))).mode & 0o777, 0o700)
  writeFileSync(folder.at('file'), '')
  assert.match(await failure(started(folder.at('file'))), /is no folder/)
})

test('is in recoverable_error while one of its queues cannot be written to', async () => {
  const directory = newDirectory()
  const { storage, context } = await started(directory)
  const owners = [FLOWS, { id: 'b', signal: 'flows' }]
  const queues = await Promise.all(owners.map((owner) => storage.openQueue(owner, 10, 'requests')))
  const states = () => context.statuses.map(({ at }) => at)
  const folders = owners.map((owner) => join(directory, folderName(owner)))
  for (const path of folders) renameSync(path, `${path}.away`)
  for (const queue of queues) assert.ok(queue.offer(numberedItem(1)))
  await eventually('both to fail', () => states().length === 2 || undefined)
  assert.equal(states(), ['recoverable_error', 'recoverable_error'])
  const [first = '', second = ''] = folders
  renameSync(`${first}.away`, first)
  await eventually(
    'one to work',
    () => context.lines.some(({ msg }) => /otlp_grpc\/a can be written/.test(msg)) || undefined,
  )
  assert.is(states().at(-1), 'recoverable_error')
  renameSync(`${second}.away`, second)
  await eventually('all to work', () => states().at(-1) === 'ok' || undefined)
  for (const queue of queues) assert.equal(await drain(queue), [1])
})

test('a queue has the metrics of an exporter, whatever keeps it', async () => {
  const { storage } = await started(newDirectory())
  for (const kept of ['', 'file_storage']) {
    const context = { ...createContext('exporter', 'otlp_grpc'), extension: () => storage }
    const { queue, endGauges } = await openQueue(context, 'flows', { queue_size: 50, sizer: 'items', storage: kept })
    queue.offer(numberedItem(1, 100, 7))
    const gauge = (name: string) =>
      ownMetric(context, `otelcol_exporter_queue_${name}`, { exporter: 'otlp_grpc', data_type: 'flows' })
    assert.equal([gauge('size'), gauge('capacity')], [7, 50])
    await queue.close()
    endGauges()
    assert.is(gauge('capacity'), 0)
  }
})

test('an extension that is no storage, or is not there, is told', () => {
  assert.throws(() => queueStorage(undefined, 'x'), /sending_queue::storage: extension "x" does not run/)
  const other = { start: async () => {}, shutdown: async () => {} }
  assert.throws(() => queueStorage(other, 'x'), /sending_queue::storage: extension "x" keeps no queues/)
})

/** @param storage settings of `file_storage` @param service the service's extensions */
function configuration(storage: string, service = '[file_storage]', named = 'file_storage'): string {
  return [
    'receivers: {nop: }',
    `exporters: {otlp_grpc: {endpoint: "localhost:1", sending_queue: {storage: ${named}}}}`,
    `extensions: {file_storage: ${storage}}`,
    `service: {extensions: ${service}, pipelines: {flows: {receivers: [nop], exporters: [otlp_grpc]}}}`,
  ].join('\n')
}

const mistakes: { name: string; text: string; message: RegExp }[] = [
  { name: 'a good configuration', text: configuration('{}'), message: /^$/ },
  {
    name: 'settings of compaction',
    text: configuration('{compaction: {on_start: true}}'),
    message: /extensions::file_storage::compaction: does not apply: .* nothing to compact/,
  },
  { name: 'little room', text: configuration('{max_bytes: 1000}'), message: /max_bytes: must be at least 1048576/ },
  {
    name: 'a folder that its owner cannot use',
    text: configuration('{directory_permissions: 0500}'),
    message: /owner/,
  },
  {
    name: 'a storage that is not configured',
    text: configuration('{}', '[]', 'file_storag'),
    message:
      /exporters::otlp_grpc::sending_queue::storage: references extension "file_storag" which is not configured, did you mean "file_storage"\? \(.*:2:/,
  },
  {
    name: 'a storage that does not run',
    text: configuration('{}', '[]'),
    message: /storage: references extension "file_storage" which does not run: add it to service::extensions/,
  },
]

for (const { name, text, message } of mistakes)
  test(`${name}: what is wrong is told`, async () => {
    assert.match(await failure(resolveConfig(treeOf(text, 'agent.yaml'), catalog)), message)
  })

test('an exporter starts anew when its storage changes', async () => {
  const signatures = async (storage: string) => {
    const config = await resolveConfig(treeOf(configuration(storage), 'agent.yaml'), catalog)
    return new Map(planGraph(config, '').nodes.map(({ key, signature }) => [key, signature]))
  }
  const [before, same, after] = [await signatures('{}'), await signatures('{}'), await signatures('{fsync: true}')]
  const key = 'exporter/otlp_grpc/flows'
  assert.is(before.get(key), same.get(key))
  assert.is.not(before.get(key), after.get(key))
})

test.run()
