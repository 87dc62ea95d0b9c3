import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TemporaryFolder } from '../support/temporary-folder.ts'

const NATIVE = fileURLToPath(new URL('../../native/linux/', import.meta.url))
const ANSWERS = fileURLToPath(new URL('netlink-answers.cpp', import.meta.url))
const SOURCES = ['netlink', 'link', 'classify', 'socket-statistics', 'interface-statistics']

const test = suite('netlink: answers that a kernel gives rarely, or never')
const folder = new TemporaryFolder()
test.after(() => folder.remove())

if (process.platform !== 'linux') test.skip('needs Linux', () => {})
else
  test('are read within their bounds, and mean what they say', () => {
    const program = folder.at('netlink-answers')
    const sanitized = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all']
    const sources = SOURCES.map((name) => `${NATIVE}${name}.cpp`)
    execFileSync('g++', ['-std=c++20', '-g', '-I', NATIVE, ...sanitized, ANSWERS, ...sources, '-o', program])
    const told = execFileSync(program, { encoding: 'utf8' }).trim().split('\n')
    assert.equal(told, [
      'both families: 0, 3, 0 left',
      'a dump that fails at its end: ENOENT, 1, 0 left',
      'an end without a number: 0, 0, 0 left',
      'an error without a number: EBADMSG, 0, 0 left',
      'a message cut off in its padding: ENODATA, 1, 0 left',
      'a header that claims more: ENODATA, 0, 0 left',
      'a header that claims less than itself: ENODATA, 0, 0 left',
      'a datagram larger than the room: EMSGSIZE, 0, 0 left',
      'interfaces: 0, 2, 0 left',
      'a list that changed meanwhile: 0, 2, 0 left',
      'told at the end: 0, 2, 0 left',
      'a list that always changes: EINTR, 0, 96 left',
      'asked 4 times',
    ])
  })

test.run()
