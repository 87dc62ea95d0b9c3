import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Client, credentials, type MethodDefinition, Server, ServerCredentials } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { addReflection } from '../../src/hubble/reflection.ts'

const require = createRequire(import.meta.url)

interface Answer {
  listServicesResponse?: { service: { name: string }[] }
}

const test = suite('reflection')

test('both versions list the same services, and the library is loaded for the first call', async () => {
  const server = new Server()
  addReflection(server)
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  try {
    assert.not.ok(isLoaded())
    const services = await listServices(client, 'v1')
    assert.ok(isLoaded())
    assert.equal(services, ['grpc.health.v1.Health', 'observer.Observer', 'peer.Peer'])
    assert.equal(await listServices(client, 'v1alpha'), services)
  } finally {
    client.close()
    server.forceShutdown()
  }
})

function isLoaded(): boolean {
  return require.resolve('@grpc/reflection') in require.cache
}

function listServices(client: Client, version: string): Promise<string[]> {
  const { path, requestSerialize, responseDeserialize } = reflectionMethod(version)
  return new Promise((resolve, reject) => {
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    call.once('error', reject)
    call.once('data', ({ listServicesResponse }: Answer) =>
      resolve((listServicesResponse?.service ?? []).map(({ name }) => name).sort()),
    )
    call.end({ listServices: '' })
  })
}

/** As a client knows it: from the library's `.proto`, which does not load the library. */
function reflectionMethod(version: string): MethodDefinition<object, Answer> {
  const proto = join(
    dirname(require.resolve('@grpc/reflection')),
    `../proto/grpc/reflection/${version}/reflection.proto`,
  )
  const service = loadSync(proto)[`grpc.reflection.${version}.ServerReflection`]
  return (service as unknown as Record<string, MethodDefinition<object, Answer>>).ServerReflectionInfo!
}

test.run()
