import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { otlpGrpcConfig } from '../../../src/exporters/otlp_grpc/config.ts'
import { decode } from '../../../src/pipeline/config/decode.ts'
import { treeOf } from '../../support/trees.ts'

const headers = suite('headers of gRPC clients')

const SECRET = 's3cr3t'

const cases: { name: string; written: string; problem: string }[] = [
  { name: 'are a map of texts', written: `{authorization: Bearer ${SECRET}}`, problem: '' },
  { name: 'are not one text', written: SECRET, problem: 'headers: expected a map, got a string' },
  {
    name: 'have values of printable ASCII',
    written: `{authorization: "${SECRET}\\n"}`,
    problem: 'headers::authorization: a header value has printable ASCII characters only',
  },
  {
    name: 'have names of letters and digits',
    written: `{"author ization": ${SECRET}}`,
    problem: 'headers::author ization: a header name has letters, digits and - _ . only',
  },
  {
    name: 'are not binary',
    written: `{trace-bin: ${SECRET}}`,
    problem: 'headers::trace-bin: binary headers (-bin) are not supported',
  },
]
for (const { name, written, problem } of cases)
  headers(`${name}, and no error tells a value`, () => {
    const { problems } = decode(
      otlpGrpcConfig,
      treeOf(`{endpoint: "localhost:4317", headers: ${written}}`, 'c.yaml'),
      [],
    )
    const told = problems.map(({ path, message }) => `${path.join('::')}: ${message}`)
    assert.equal(told, problem === '' ? [] : [problem])
  })

headers.run()
