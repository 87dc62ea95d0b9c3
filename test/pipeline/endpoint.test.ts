import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatEndpoint, parseEndpoint, reachableEndpoint } from '../../src/pipeline/endpoint.ts'

const endpoints = suite('endpoint')

const good: [text: string, host: string, port: number][] = [
  ['localhost:4317', 'localhost', 4317],
  [':8888', '', 8888],
  ['0.0.0.0:0', '0.0.0.0', 0],
  ['[::1]:65535', '::1', 65535],
  ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
]
for (const [text, host, port] of good) {
  endpoints(`${text} is an endpoint`, () => assert.equal(parseEndpoint(text), { host, port }))
}

const bad: [text: string, message: RegExp][] = [
  ['localhost', /^missing port in address/],
  ['', /^missing port in address/],
  ['::1:4317', /^too many colons in address/],
  ['a:b:c', /^too many colons in address/],
  ['::::', /^too many colons in address/],
  ['http://localhost:4245', /^no "http:\/\/" in an address, write host:port/],
  ['a:xx', /^bad port "xx"/],
  ['a:', /^bad port ""/],
  ['a:65536', /^bad port "65536"/],
  ['a:-1', /^bad port "-1"/],
  ['[::1]', /^missing port in address/],
  ['a b:1', /^bad host "a b"/],
]
for (const [text, message] of bad) {
  endpoints(`${JSON.stringify(text)} is none`, () => assert.throws(() => parseEndpoint(text), message))
}

endpoints('what is written is read again', () => {
  const hosts = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain(), fc.constant(''))
  fc.assert(
    fc.property(hosts, fc.integer({ min: 0, max: 65_535 }), (host, port) => {
      assert.equal(parseEndpoint(formatEndpoint({ host, port })), { host, port })
    }),
  )
})

endpoints('an endpoint of every address is reached at localhost', () => {
  const reached = ['', '0.0.0.0', '::', '10.0.0.1', '::1'].map((host) => reachableEndpoint({ host, port: 1 }))
  assert.equal(reached, ['localhost:1', 'localhost:1', 'localhost:1', '10.0.0.1:1', '[::1]:1'])
})

endpoints.run()
