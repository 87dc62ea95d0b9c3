import { chmod, chown, readFile } from 'node:fs/promises'
import type { Server } from 'node:net'
import { removeStaleSocket } from '../../pipeline/disk/stale-socket.ts'
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
  await removeStaleSocket(socket.path).catch((cause: Error) => {
    throw new Error(`unix_socket::path: ${cause.message}`, { cause })
  })
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

/** Number of a group in `/etc/group`. */
async function groupId(group: string): Promise<number> {
  if (/^\d+$/.test(group)) return Number(group)
  const lines = (await readFile('/etc/group', 'utf8')).split('\n')
  const id = lines.find((line) => line.startsWith(`${group}:`))?.split(':')[2]
  if (id === undefined) throw new Error(`unix_socket::group: no group ${JSON.stringify(group)} in /etc/group`)
  return Number(id)
}
