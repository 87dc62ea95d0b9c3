import { existsSync } from 'node:fs'
import { chmod, chown, lstat, readFile, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { listenOn, listenReason } from '../../pipeline/settings/listen.ts'
import type { UnixSocketConfig } from './config.ts'

/** Nobody but the owner may connect before mode and group are those of the settings. */
const CLOSED_UMASK = 0o177

/**
 * Listens on a unix socket with the mode and the group of the settings, in place of one that a killed agent left behind.
 * @throws Error that names the setting
 */
export async function listenUnix(server: Server, socket: UnixSocketConfig): Promise<void> {
  const gid = socket.group === '' ? undefined : await groupId(socket.group)
  await removeStaleSocket(socket.path)
  try {
    await listenClosed(server, socket.path)
  } catch (cause) {
    throw new Error(`unix_socket::path: cannot listen on ${socket.path}: ${listenReason(cause)}`, { cause })
  }
  if (gid !== undefined) {
    await chown(socket.path, -1, gid).catch((cause: Error) => {
      throw new Error(`unix_socket::group: ${cause.message}`, { cause })
    })
  }
  await chmod(socket.path, socket.mode)
}

/** The socket is made before `listen` returns, so the mask holds for it alone. */
async function listenClosed(server: Server, path: string): Promise<void> {
  const mask = process.umask(CLOSED_UMASK)
  try {
    const listening = listenOn(server, { path })
    process.umask(mask)
    await listening
  } finally {
    process.umask(mask)
  }
}

/**
 * Makes way for a new socket: removes one that nobody listens on any more.
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

/** Number of a group in `/etc/group`. */
async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group)
  const lines = (await readFile('/etc/group', 'utf8')).split('\n')
  const id = lines.find((line) => line.startsWith(`${group}:`))?.split(':')[2]
  if (id === undefined) throw new Error(`unix_socket::group: no group ${JSON.stringify(group)} in /etc/group`)
  return Number(id)
}
