import type { IncomingHttpHeaders } from 'node:http'

/** What a scraper gets. */
export interface Negotiated {
  openMetrics: boolean
  gzip: boolean
}

/** Versions of OpenMetrics that our text is. */
const OPEN_METRICS_VERSIONS: readonly (string | undefined)[] = ['1.0.0', '0.0.1', undefined]

/** Chooses by the request's `accept` and `accept-encoding` (RFC 9110 §12.4.2, §12.5); text 0.0.4 where nothing fits better. */
export function negotiate(headers: IncomingHttpHeaders, openMetricsEnabled: boolean): Negotiated {
  const accept = qualities(headers.accept ?? '')
  const openMetrics = accept
    .filter(({ value, params }) => value === OPEN_METRICS && OPEN_METRICS_VERSIONS.includes(params.get('version')))
    .map(({ quality }) => quality)
  const text = accept.filter(({ value }) => TEXT.includes(value)).map(({ quality }) => quality)
  return {
    openMetrics: openMetricsEnabled && openMetrics.length > 0 && Math.max(...openMetrics) >= Math.max(0, ...text),
    gzip: qualities(String(headers['accept-encoding'] ?? '')).some(
      ({ value, quality }) => value === 'gzip' && quality > 0,
    ),
  }
}

const OPEN_METRICS = 'application/openmetrics-text'
const TEXT = ['text/plain', 'text/*', '*/*']

interface Weighted {
  value: string
  params: Map<string, string>
  quality: number
}

function qualities(header: string): Weighted[] {
  return header
    .split(',')
    .map((item) => {
      const [value, ...rest] = item.split(';').map((part) => part.trim().toLowerCase())
      const params = new Map(rest.map((part) => part.split('=', 2) as [string, string]))
      const quality = Number(params.get('q') ?? 1)
      return { value: value!, params, quality: Number.isFinite(quality) ? quality : 0 }
    })
    .filter(({ value, quality }) => value !== '' && quality > 0)
}
