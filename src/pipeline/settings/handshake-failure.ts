import type { TLSSocket } from 'node:tls'

/** Why a TLS handshake failed, as label of a metric. */
export const HANDSHAKE_FAILURES = [
  /** The client showed no certificate, or one that does not do. */
  'client_certificate',
  /** The client does not accept the server's certificate, or its name. */
  'server_certificate',
  /** The client speaks a lower version than `min_version`. */
  'tls_version',
  /** It was no TLS. */
  'not_tls',
  'tls_timeout',
  /** The client went away in the middle. */
  'tls_aborted',
  'tls_other',
] as const

export type HandshakeFailure = (typeof HANDSHAKE_FAILURES)[number]

/** Error codes of node:tls and OpenSSL. */
const FAILURES: readonly (readonly [codes: RegExp, failure: HandshakeFailure])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE|CERTIFICATE_VERIFY_FAILED/, 'client_certificate'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|NO_SHARED_CIPHER/, 'tls_version'],
  [
    /HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|UNKNOWN_PROTOCOL|PACKET_LENGTH|RECORD_|BAD_RECORD_TYPE/,
    'not_tls',
  ],
  [/HANDSHAKE_TIMEOUT/, 'tls_timeout'],
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE|UNSUPPORTED_CERTIFICATE)/, 'server_certificate'],
  [/ECONNRESET|EPIPE|UNEXPECTED_EOF/, 'tls_aborted'],
]

/**
 * What `tlsClientError` tells.
 * @returns the cause, and a reason in words
 */
export function handshakeFailure(
  error: NodeJS.ErrnoException,
  socket: TLSSocket,
): { failure: HandshakeFailure; reason: string } {
  // A client certificate that does not do ends as a bare "socket hang up". Node types its code as an Error.
  const authorization = socket.authorizationError as unknown
  if (authorization) return { failure: 'client_certificate', reason: String(authorization) }
  const code = error.code ?? ''
  const failure = FAILURES.find(([codes]) => codes.test(code))?.[1] ?? 'tls_other'
  return { failure, reason: code === '' ? error.message : code }
}
