import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PEER_PROGRAMS, requiredVersion } from '../../scripts/peer-programs.ts'
import { root } from '../support/checkout.ts'

const build = join(root, 'test/peers/build')

const programs = suite('PEER_PROGRAMS')
for (const { name, module, versionOf } of PEER_PROGRAMS)
  programs(`${name} has its version from a frozen go.mod`, () => {
    assert.match(requiredVersion(join(build, module), versionOf), /^\d+\.\d+\.\d+$/)
  })
programs('a module that go.mod does not require is named', () => {
  assert.throws(
    () => requiredVersion(join(build, 'grpcurl'), 'example.com/none'),
    /grpcurl\/go\.mod does not require example\.com\/none/,
  )
})
programs('Prometheus carries the version of its release, not that of its module', () => {
  const prometheus = PEER_PROGRAMS.find(({ name }) => name === 'prometheus')
  assert.match(prometheus?.ldflags?.('0.313.5') ?? '', /Version=3\.13\.5$/)
})
programs.run()
