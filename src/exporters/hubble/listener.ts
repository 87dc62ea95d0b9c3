import { logVerbosity, type Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js'
import { formatEndpoint, parseEndpoint } from '../../pipeline/endpoint.ts'
import type { HubbleConfig } from './config.ts'
import { protectSocket, removeStaleSocket } from './unix-socket.ts'

/** Binds what the configuration names. @returns the endpoint with its real port, `''` without TCP @throws Error that names the setting */
export async function listen(server: Server, config: HubbleConfig, credentials: ServerCredentials): Promise<string> {
  // gRPC prints what it also answers; whoever debugs it sets its own variable.
  if (process.env.GRPC_VERBOSITY === undefined) setLogVerbosity(logVerbosity.NONE)
  const bound = config.endpoint === '' ? '' : await listenTcp(server, config.endpoint, credentials)
  if (config.unix_socket.path !== '') await listenUnix(server, config.unix_socket)
  return bound
}

async function listenTcp(server: Server, text: string, credentials: ServerCredentials): Promise<string> {
  const endpoint = parseEndpoint(text)
  const target = endpoint.host === '' ? { ...endpoint, host: '::' } : endpoint
  try {
    const port = await bind(server, formatEndpoint(target), credentials)
    return formatEndpoint({ ...endpoint, port })
  } catch (cause) {
    throw new Error(`endpoint: cannot listen on ${text}: ${reason(cause as Error)}`, { cause })
  }
}

async function listenUnix(server: Server, socket: HubbleConfig['unix_socket']): Promise<void> {
  await removeStaleSocket(socket.path)
  try {
    await bind(server, `unix:${socket.path}`, ServerCredentials.createInsecure())
  } catch (cause) {
    throw new Error(`unix_socket::path: cannot listen on ${socket.path}: ${reason(cause as Error)}`, { cause })
  }
  await protectSocket(socket)
}

function bind(server: Server, target: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(target, credentials, (error, port) => (error === null ? resolve(port) : reject(error)))
  })
}

/** gRPC wraps the errors of each resolved address into one line. */
function reason({ message }: Error): string {
  if (message.includes('EADDRINUSE')) return 'address already in use (another agent?)'
  if (message.includes('EACCES')) return 'permission denied'
  return message
}
