/** A TCP state by its number (linux/tcp_states.h). */
export interface TcpState {
  number: number
  /** Value of `network.connection.state`. */
  otel: string
  retina: string
}

/** All states that sockets are told in; number 12 (NEW_SYN_RECV) is told as 3. */
export const TCP_STATES: readonly TcpState[] = [
  { number: 1, otel: 'established', retina: 'ESTABLISHED' },
  { number: 2, otel: 'syn_sent', retina: 'SYN_SENT' },
  { number: 3, otel: 'syn_received', retina: 'SYN_RECV' },
  { number: 4, otel: 'fin_wait_1', retina: 'FIN_WAIT1' },
  { number: 5, otel: 'fin_wait_2', retina: 'FIN_WAIT2' },
  { number: 6, otel: 'time_wait', retina: 'TIME_WAIT' },
  { number: 7, otel: 'closed', retina: 'CLOSE' },
  { number: 8, otel: 'close_wait', retina: 'CLOSE_WAIT' },
  { number: 9, otel: 'last_ack', retina: 'LAST_ACK' },
  { number: 10, otel: 'listen', retina: 'LISTEN' },
  { number: 11, otel: 'closing', retina: 'CLOSING' },
]

export const LISTEN = 10
