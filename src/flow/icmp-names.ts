/**
 * Names of ICMP messages as Hubble writes them: `EchoRequest`, `DestinationUnreachable(Port)`.
 * Per type: its name, then the names of its codes from 0 on (IANA ICMP and ICMPv6 parameters, in the spelling of Hubble).
 */
const V4: Readonly<Record<number, readonly string[]>> = {
  0: ['EchoReply'],
  3: [
    'DestinationUnreachable',
    'Net',
    'Host',
    'Protocol',
    'Port',
    'FragmentationNeeded',
    'SourceRoutingFailed',
    'NetUnknown',
    'HostUnknown',
    'SourceIsolated',
    'NetAdminProhibited',
    'HostAdminProhibited',
    'NetTOS',
    'HostTOS',
    'CommAdminProhibited',
    'HostPrecedence',
    'PrecedenceCutoff',
  ],
  4: ['SourceQuench'],
  5: ['Redirect', 'Net', 'Host', 'TOS+Net', 'TOS+Host'],
  8: ['EchoRequest'],
  9: ['RouterAdvertisement'],
  10: ['RouterSolicitation'],
  11: ['TimeExceeded', 'TTLExceeded', 'FragmentReassemblyTimeExceeded'],
  12: ['ParameterProblem', 'PointerIndicatesError', 'MissingOption', 'BadLength'],
  13: ['TimestampRequest'],
  14: ['TimestampReply'],
  15: ['InfoRequest'],
  16: ['InfoReply'],
  17: ['AddressMaskRequest'],
  18: ['AddressMaskReply'],
}

const V6: Readonly<Record<number, readonly string[]>> = {
  1: [
    'DestinationUnreachable',
    'NoRouteToDst',
    'AdminProhibited',
    'BeyondScopeOfSrc',
    'AddressUnreachable',
    'PortUnreachable',
    'SrcAddressFailedPolicy',
    'RejectRouteToDst',
  ],
  2: ['PacketTooBig'],
  3: ['TimeExceeded', 'HopLimitExceeded', 'FragmentReassemblyTimeExceeded'],
  4: ['ParameterProblem', 'ErroneousHeaderField', 'UnrecognizedNextHeader', 'UnrecognizedIPv6Option'],
  128: ['EchoRequest'],
  129: ['EchoReply'],
  133: ['RouterSolicitation'],
  134: ['RouterAdvertisement'],
  135: ['NeighborSolicitation'],
  136: ['NeighborAdvertisement'],
  137: ['Redirect'],
}

/** Name of an ICMP message. @param version 4 for ICMP, 6 for ICMPv6 */
export function icmpName(version: 4 | 6, type: number, code: number): string {
  const names = (version === 4 ? V4 : V6)[type]
  if (names === undefined) return `${type}(${code})`
  const codeName = names[code + 1]
  if (codeName !== undefined) return `${names[0]}(${codeName})`
  return code === 0 ? names[0]! : `${names[0]}(Code: ${code})`
}
