import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, lstat, rename, unlink } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'

/**
 * Makes way for a new socket: removes one that nobody listens on any more.
 * @throws Error when somebody does listen, when the path is something else, or when its folder is missing
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (stat === undefined) return demandFolder(path)
  if (!stat.isSocket()) throw new Error(`${path} exists and is not a socket`)
  if (await answers(path)) throw inUse(path)
  await takeAway(path)
}

/** What is taken away may be a new one, of somebody who saw the old one, too: it is asked again and put back. */
async function takeAway(path: string): Promise<void> {
  const away = `${path}.${randomUUID().slice(0, 8)}`
  try {
    await rename(path, away)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const taken = await answers(away)
  if (taken) await link(away, path).catch(() => {})
  await unlink(away)
  if (taken) throw inUse(path)
}

function inUse(path: string): Error {
  return new Error(`${path} is in use by a running process (another agent?)`)
}

/** Asked for here: `listen` says EACCES of a missing folder. */
function demandFolder(path: string): void {
  const folder = dirname(path)
  if (!existsSync(folder)) throw new Error(`there is no folder ${folder}, create it first`)
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
