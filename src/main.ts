#!/usr/bin/env node
import { execute } from './cli/execute.ts'
import { catalog } from './components.ts'

// The only place that exits.
process.exit(await execute(process.argv, { catalog, force: () => process.exit(1) }))
