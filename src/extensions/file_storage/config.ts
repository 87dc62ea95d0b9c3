import type { ConfigSpec, Problem } from '../../pipeline/component.ts'

/** Settings of the `file_storage` extension, with the Collector's keys. */
export interface FileStorageConfig {
  directory: string
  /** Milliseconds. */
  timeout: number
  fsync: boolean
  create_directory: boolean
  directory_permissions: number
  max_bytes: number
  /** Anything in it is refused. */
  compaction: Readonly<Record<string, unknown>>
}

/** Below this one request may fill it. */
const LEAST_BYTES = 1024 * 1024

export const fileStorageConfig: ConfigSpec<FileStorageConfig> = {
  schema: {
    directory: {
      doc: 'folder of the queues, for one agent alone',
      format: String,
      default: '/var/lib/fovea/file_storage',
    },
    timeout: {
      doc: 'how long to wait for another agent to let the folder go',
      format: 'duration',
      default: '1s',
    },
    fsync: {
      doc: 'wait until the disk itself has what is written, so that a power cut loses nothing that was accepted',
      format: Boolean,
      default: false,
    },
    create_directory: { doc: 'make the folder where it is missing', format: Boolean, default: false },
    directory_permissions: {
      doc: 'mode of a folder that is made, minus the umask',
      format: 'file-mode',
      default: '0750',
    },
    max_bytes: {
      doc: 'most bytes on disk for each exporter and signal, at least 1 MiB; more is refused',
      format: 'positive-int',
      default: 1024 * 1024 * 1024,
    },
    compaction: { doc: 'must be left out: there is nothing to compact', format: 'object', default: {} },
  },
  check: (config) => [...checkDirectory(config), ...checkBytes(config), ...checkCompaction(config)],
}

function checkDirectory({ directory, directory_permissions }: FileStorageConfig): Problem[] {
  if (directory === '') return [{ path: ['directory'], message: 'must not be empty' }]
  if ((directory_permissions & 0o700) === 0o700) return []
  return [{ path: ['directory_permissions'], message: 'the owner must have all rights (0700)' }]
}

function checkBytes({ max_bytes }: FileStorageConfig): Problem[] {
  if (max_bytes >= LEAST_BYTES) return []
  return [{ path: ['max_bytes'], message: `must be at least ${LEAST_BYTES} (1 MiB)` }]
}

function checkCompaction({ compaction }: FileStorageConfig): Problem[] {
  if (Object.keys(compaction).length === 0) return []
  const message =
    'does not apply: queues are files that are removed as soon as all in them was sent, so there is nothing to compact; leave it out'
  return [{ path: ['compaction'], message }]
}
