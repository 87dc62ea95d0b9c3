/** Host and port behind the last `@` of an authority. */
const HOST = /^(?:\[[^\]]*\]|[^\s%#\\^`{|}@:[\]]*)(?::\d*)?$/

/**
 * The decoded path of the URL of a request, absolute (`http://host/a%20b?c`) or not (`/a%20b?c`), by the rules of Go's
 * `url.ParseRequestURI`; undefined when it is none.
 */
export function requestPath(url: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is refused
  if (/[\x00-\x1f\x7f]/.test(url)) return undefined
  if (url === '*') return '*'
  const colon = url.search(/[^A-Za-z0-9+.-]/)
  const hasScheme = url[colon] === ':' && /^[A-Za-z]/.test(url)
  if (url.startsWith(':')) return undefined
  const rest = (hasScheme ? url.slice(colon + 1) : url).split('?', 1)[0]!
  if (!rest.startsWith('/')) return hasScheme ? '' : undefined
  if (!hasScheme || !rest.startsWith('//')) return decodePath(rest)
  const slash = rest.indexOf('/', 2)
  const authority = rest.slice(2, slash < 0 ? rest.length : slash)
  if (!HOST.test(authority.slice(authority.lastIndexOf('@') + 1))) return undefined
  return slash < 0 ? '' : decodePath(rest.slice(slash))
}

function decodePath(path: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return undefined
  return path.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString())
}
