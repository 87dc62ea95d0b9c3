/** Rows of the table of filter fields, and what is said of values that no field takes. */

/** What a field of `flow.FlowFilter` matches and refuses, of {@link FLOWS}. */
export interface FieldRow {
  /** Each is a value of the field, and the rows it matches. */
  match: [value: unknown, rows: number[]][]
  /** Matches no row. */
  none: unknown
  /** What Hubble says of bad values; without: any value of its type is a good one. */
  bad?: Mistake[]
  /** Values that Hubble takes, and fovea refuses. */
  tooLarge?: Mistake[]
}

/** A value, and what is said of it. */
export type Mistake = [value: unknown, message: string]

/** Of addresses and prefixes. */
export const ADDRESS_ERRORS: Mistake[] = [
  ['', 'invalid IP address "" in filter: ParseAddr(""): unable to parse IP'],
  ['10.0.0', 'invalid IP address "10.0.0" in filter: ParseAddr("10.0.0"): IPv4 address too short'],
  ['10.0.0.0.1', 'invalid IP address "10.0.0.0.1" in filter: ParseAddr("10.0.0.0.1"): IPv4 address too long'],
  ['10.0.0.256', 'invalid IP address "10.0.0.256" in filter: ParseAddr("10.0.0.256"): IPv4 field has value >255'],
  [
    '10.0.0.01',
    'invalid IP address "10.0.0.01" in filter: ParseAddr("10.0.0.01"): IPv4 field has octet with leading zero',
  ],
  [
    '10..0.1',
    'invalid IP address "10..0.1" in filter: ParseAddr("10..0.1"): IPv4 field must have at least one digit (at ".0.1")',
  ],
  ['10.0.0.x', 'invalid IP address "10.0.0.x" in filter: ParseAddr("10.0.0.x"): unexpected character (at "x")'],
  ['host', 'invalid IP address "host" in filter: ParseAddr("host"): unable to parse IP'],
  [
    '10.0.0.0/33',
    'invalid IP prefix "10.0.0.0/33" in filter: netip.ParsePrefix("10.0.0.0/33"): prefix length out of range',
  ],
  [
    '10.0.0.0/x',
    'invalid IP prefix "10.0.0.0/x" in filter: netip.ParsePrefix("10.0.0.0/x"): bad bits after slash: "x"',
  ],
  [
    '10.0/8',
    'invalid IP prefix "10.0/8" in filter: netip.ParsePrefix("10.0/8"): ParseAddr("10.0"): IPv4 address too short',
  ],
  [
    'fe80::1%e/64',
    'invalid IP prefix "fe80::1%e/64" in filter: netip.ParsePrefix("fe80::1%e/64"): IPv6 zones cannot be present in a prefix',
  ],
]

/** Of names with `*`. */
export const PATTERN_ERRORS: Mistake[] = [
  ['', 'empty pattern'],
  ['a..', 'multiple trailing dots in pattern'],
  ['a?b', "'?': invalid rune in pattern"],
]

/** What is said of regular expressions. */
const REGEXP_ERRORS: [string, string][] = [
  ['(', 'error parsing regexp: missing closing ): `(`'],
  ['a**', 'error parsing regexp: invalid nested repetition operator: `**`'],
  ['(?=a)', 'error parsing regexp: invalid or unsupported Perl syntax: `(?=`'],
  ['a{1001}', 'error parsing regexp: invalid repeat count: `{1001}`'],
]

const LARGE_REGEXPS: [string, string][] = [
  ['x'.repeat(4_097), 'regular expression of 4097 characters, at most 4096 are taken'],
  ['(?:abcdefghijk){1000}', 'too large regular expressions: together they may have 10000 instructions'],
]

/** Mistakes in regular expressions, as a field tells them. @param explain what the field says before the cause */
export function regexpErrors(explain: (pattern: string) => string): Pick<FieldRow, 'bad' | 'tooLarge'> {
  const explained = ([pattern, why]: [string, string]): Mistake => [pattern, `${explain(pattern)}: ${why}`]
  return { bad: REGEXP_ERRORS.map(explained), tooLarge: LARGE_REGEXPS.map(explained) }
}

/** A row of `source_port` or `destination_port`. */
export function portRow(side: string, match: FieldRow['match'], none: string): FieldRow {
  const bad = (text: string, why: string): [string, string] => [
    text,
    `invalid ${side} port filter: invalid port "${text}": strconv.ParseUint: parsing "${text}": ${why}`,
  ]
  const syntax = 'invalid syntax'
  return {
    match,
    none,
    bad: [bad('', syntax), bad('http', syntax), bad('-1', syntax), bad('65536', 'value out of range')],
  }
}

/** A row of a field of label selectors. */
export function labelRow(side: string, match: FieldRow['match'], none: string): FieldRow {
  const bad = (text: string, why: string): [string, string] => [text, `invalid ${side} label filter: ${why}`]
  const requirement = 'unable to parse requirement: '
  return {
    match,
    none,
    bad: [
      bad('a b', `${requirement}found 'b', expected: in, notin, =, ==, !=, gt, lt`),
      bad('a in b', `${requirement}found 'b' expected: '('`),
      bad('a in (b', `${requirement}found '', expected: ',' or ')'`),
      bad('a in (!)', `${requirement}found '!', expected: ',', ')' or identifier`),
      bad('a=(', `${requirement}found '(', expected: identifier`),
      bad('a>x', `${requirement}values[0]: Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`),
      bad('!a=b', `found '=', expected: ',' or 'end of string'`),
      bad('a,', `found '', expected: identifier after ','`),
      bad(
        'k8s:',
        `${requirement}<nil>: Invalid value: "k8s.": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
      ),
      bad(
        `a=${'x'.repeat(64)}`,
        `${requirement}values[0][any.a]: Invalid value: "${'x'.repeat(64)}": must be no more than 63 bytes`,
      ),
    ],
  }
}
