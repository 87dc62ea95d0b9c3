import { FileStorage } from '../../src/extensions/file_storage/extension.ts'
import { createContext } from './create-context.ts'
import { fileStorage } from './file-storage.ts'

/** A process that holds the folder of queues which its argument names, says so, and waits for its end: to be killed. */
const storage = new FileStorage(createContext('extension', 'file_storage'), fileStorage(process.argv[2] ?? ''))
await storage.start()
process.stdout.write('holding\n')
setTimeout(() => storage.shutdown(Date.now()), 60_000)
