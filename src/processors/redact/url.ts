import { REDACTED } from './redacted.ts'

export interface UrlRules {
  /** Query and fragment go. */
  query: boolean
  /** The password goes, the user stays. */
  userInfo: boolean
}

/** The end of a URL's authority (RFC 3986 §3.2). */
const AUTHORITY_END = /[/?#\\]/

/** The URL without what the rules take out; works on the text, so that a URL that no parser takes is redacted as well. */
export function redactUrl(url: string, rules: UrlRules): string {
  // First the password: it may hold a `?` that nobody escaped.
  const text = rules.userInfo ? withoutPassword(url) : url
  return rules.query ? text.replace(/[?#].*$/s, '') : text
}

function withoutPassword(url: string): string {
  const slashes = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\//.exec(url)
  // A path has no user. In all else without authority a password cannot be told from the rest.
  if (slashes === null) return url.startsWith('/') || !/:.*@/s.test(url) ? url : REDACTED
  const from = slashes[0].length
  const length = url.slice(from).search(AUTHORITY_END)
  const authority = length < 0 ? url.slice(from) : url.slice(from, from + length)
  const at = authority.lastIndexOf('@')
  // What follows a port that is no port may be the rest of a password with a slash in it.
  if (at < 0) return hasOddPort(authority) && url.includes('@') ? REDACTED : url
  const colon = authority.indexOf(':')
  if (colon < 0 || colon > at) return url
  return `${url.slice(0, from + colon + 1)}${REDACTED}${url.slice(from + at)}`
}

function hasOddPort(authority: string): boolean {
  return /:[^\]]*[^\]\d][^\]]*$/.test(authority.replace(/^\[[^\]]*\]/, ''))
}
