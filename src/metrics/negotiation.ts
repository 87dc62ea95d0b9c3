import type { IncomingHttpHeaders } from 'node:http'

/** What a scraper gets. */
export interface Negotiated {
  openMetrics: boolean
  /** Names may have any character, quoted. */
  utf8: boolean
  gzip: boolean
}

/** What a server can give besides text 0.0.4. */
export type Offer = Pick<Negotiated, 'openMetrics' | 'utf8'>

const OPEN_METRICS = 'application/openmetrics-text'

/** Versions of OpenMetrics that our text is; none named means any. */
const OPEN_METRICS_VERSIONS: readonly (string | undefined)[] = ['1.0.0', '0.0.1', undefined]

/** What text 0.0.4 answers. */
const TEXT: readonly string[] = ['text/plain', 'text/*', '*/*']

/**
 * Chooses by the request's `accept` and `accept-encoding` (RFC 9110 §12.4.2, §12.5); text 0.0.4 where nothing fits
 * better. `escaping=allow-utf-8` is how Prometheus 3 says that it reads quoted names.
 */
export function negotiate(headers: IncomingHttpHeaders, offer: Offer): Negotiated {
  const accepted = weighted(headers.accept ?? '')
  const forOpenMetrics = accepted.filter(
    ({ value, params }) => value === OPEN_METRICS && OPEN_METRICS_VERSIONS.includes(params.get('version')),
  )
  const forText = accepted.filter(({ value }) => TEXT.includes(value))
  const preferred = best(forOpenMetrics)
  const openMetrics = offer.openMetrics && preferred > 0 && preferred >= best(forText)
  const chosen = openMetrics ? forOpenMetrics : forText
  const utf8 =
    offer.utf8 && chosen.some(({ params, quality }) => quality > 0 && params.get('escaping') === 'allow-utf-8')
  return { openMetrics, utf8, gzip: acceptsGzip(String(headers['accept-encoding'] ?? '')) }
}

/** `content-type` of an answer. */
export function contentType({ openMetrics, utf8 }: Negotiated): string {
  const escaping = utf8 ? 'allow-utf-8' : 'underscores'
  const format = openMetrics ? `${OPEN_METRICS}; version=1.0.0` : `text/plain; version=${utf8 ? '1.0.0' : '0.0.4'}`
  return `${format}; charset=utf-8; escaping=${escaping}`
}

function acceptsGzip(header: string): boolean {
  const codings = weighted(header)
  const quality = (name: string) => codings.find(({ value }) => value === name)?.quality
  const gzip = quality('gzip') ?? quality('*') ?? 0
  return gzip > 0 && gzip >= (quality('identity') ?? 0)
}

interface Weighted {
  value: string
  params: Map<string, string>
  quality: number
}

function best(items: readonly Weighted[]): number {
  return Math.max(0, ...items.map(({ quality }) => quality))
}

function weighted(header: string): Weighted[] {
  return header
    .split(',')
    .map((item) => {
      const [value = '', ...rest] = item.split(';').map((part) => part.trim().toLowerCase())
      const params = new Map(rest.map(parameter))
      const quality = Number(params.get('q') ?? 1)
      return { value, params, quality: Number.isFinite(quality) ? quality : 0 }
    })
    .filter(({ value }) => value !== '')
}

function parameter(text: string): [string, string] {
  const [name = '', value = ''] = text.split('=', 2)
  return [name.trim(), value.trim().replace(/^"(.*)"$/, '$1')]
}
