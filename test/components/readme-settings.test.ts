import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { debugConfig } from '../../src/exporters/debug/config.ts'
import { dnsConfig } from '../../src/processors/dns/config.ts'
import { sampleConfig } from '../../src/processors/sample/config.ts'
import { pcapConfig } from '../../src/receivers/pcap/config.ts'
import { readmeSettings, schemaSettings } from '../support/readme-settings.ts'

const test = suite('README of')

const components = [
  { folder: 'exporters/debug', schema: debugConfig.schema },
  { folder: 'processors/dns', schema: dnsConfig.schema },
  { folder: 'processors/sample', schema: sampleConfig.schema },
  { folder: 'receivers/pcap', schema: pcapConfig.schema },
]
for (const { folder, schema } of components)
  test(`${folder} lists every setting with its default`, () => {
    assert.equal(readmeSettings(folder), schemaSettings(schema))
  })

test.run()
