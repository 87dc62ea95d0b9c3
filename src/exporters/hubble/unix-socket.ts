import { existsSync } from 'node:fs'
import { chmod, chown, lstat, readFile, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import type { UnixSocketConfig } from './config.ts'

/**
 * Makes way for a new socket: removes one that nobody listens on any more (a killed agent leaves it behind).
 * @throws Error when somebody does listen, when the path is something else, or when its folder is missing
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new Error(`unix_socket::path: ${cause.message}`, { cause })
  })
  if (stat === undefined) return demandFolder(path)
  if (!stat.isSocket()) throw new Error(`unix_socket::path: ${path} exists and is not a socket`)
  if (await answers(path)) {
    throw new Error(`unix_socket::path: ${path} is in use by a running process (another agent?)`)
  }
  await unlink(path)
}

/** Asked for here: `listen` says EACCES of a missing folder. */
function demandFolder(path: string): void {
  const folder = dirname(path)
  if (!existsSync(folder)) throw new Error(`unix_socket::path: there is no folder ${folder}, create it first`)
}

/** Whether a process listens on the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // A full queue or a missing permission also mean that somebody is there.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'))
  })
}

/** Sets group and permissions of a socket just made. @throws Error that names the setting */
export async function protectSocket({ path, mode, group }: UnixSocketConfig): Promise<void> {
  if (group !== '') {
    const gid = await groupId(group)
    await chown(path, -1, gid).catch((cause: Error) => {
      throw new Error(`unix_socket::group: ${cause.message}`, { cause })
    })
  }
  await chmod(path, mode)
}

/** Number of a group in `/etc/group`. */
async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group)
  const lines = (await readFile('/etc/group', 'utf8')).split('\n')
  const id = lines.find((line) => line.startsWith(`${group}:`))?.split(':')[2]
  if (id === undefined) throw new Error(`unix_socket::group: no group ${JSON.stringify(group)} in /etc/group`)
  return Number(id)
}
