import type { ClientReadableStream } from '@grpc/grpc-js'

/** Hands every message of a call on, until it ends. Returns why it ended. @param ended said of a server that ended it in order */
export function readStream<Message>(
  call: ClientReadableStream<Message>,
  take: (message: Message) => void,
  ended: string,
): Promise<Error> {
  return new Promise((resolve) => {
    call.on('data', take)
    call.once('error', (error) => {
      // What gRPC has read meanwhile comes again.
      call.removeAllListeners('data')
      call.on('error', () => {})
      resolve(error)
    })
    call.once('end', () => resolve(new Error(ended)))
  })
}
