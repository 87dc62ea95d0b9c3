import { execute } from '../../src/cli/execute.ts'
import { testCatalog } from './test-catalog.ts'

process.exit(await execute(process.argv, { catalog: testCatalog(), force: () => process.exit(1) }))
