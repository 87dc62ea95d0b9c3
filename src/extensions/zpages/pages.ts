import type { ComponentView, Host, PipelineView, Status } from '../../pipeline/component.ts'
import { formatDuration } from '../../pipeline/duration.ts'
import { html, type Markup, page, table } from './html.ts'

/** A page: its HTML for the state of the service now. */
export type Page = (host: Host, query: URLSearchParams, nowMs: number) => string

/** Pages by the last part of their path, as the Collector names them. */
export const PAGES: Readonly<Record<string, Page>> = { servicez, pipelinez, extensionz, featurez }

function servicez(host: Host, _: URLSearchParams, nowMs: number): string {
  const reload = host.lastReload()
  const facts: [string, Markup | string][] = [
    ['Started', new Date(host.startedMs).toISOString()],
    ['Uptime', formatDuration(Math.floor((nowMs - host.startedMs) / 1_000) * 1_000)],
    ['Process', `${process.pid}, Node.js ${process.version}, ${process.platform} ${process.arch}`],
    ['Last reload', reload === undefined ? 'none' : reloadText(reload.atMs, reload.error)],
  ]
  const endpoints = host.endpoints().map(({ name, url, hint }) => [name, link(url), hint])
  return page(
    'Service',
    html`${table(['', ''], facts)}<h2>Endpoints</h2>${table(['Name', 'Address', 'Try'], endpoints)}
<h2>Components</h2>${componentTable(host.components(), nowMs)}`,
  )
}

/** With `pipelinenamez`, and a component's name and kind beside it, only that one; as in the Collector. */
function pipelinez(host: Host, query: URLSearchParams, nowMs: number): string {
  const wanted = query.get('pipelinenamez')
  const pipelines = host.pipelines().filter(({ id }) => wanted === null || id === wanted)
  const rows = pipelines.map((pipeline) => [
    pipelineLink(pipeline.id),
    pipeline.signal,
    pipeline.mutates ? 'yes' : 'no',
    steps(pipeline, 'receiver', pipeline.receivers),
    steps(pipeline, 'processor', pipeline.processors),
    steps(pipeline, 'exporter', pipeline.exporters),
  ])
  const head = ['Pipeline', 'Signal', 'Mutates', 'Receivers', 'Processors', 'Exporters']
  const name = query.get('componentnamez')
  const kind = query.get('componentkindz')
  const members = host
    .components()
    .filter((component) => wanted !== null && component.pipelines.includes(wanted))
    .filter((component) => (name === null || component.id === name) && (kind === null || isOfKind(component, kind)))
  const details = wanted === null ? html`` : html`<h2>${wanted}</h2>${componentTable(members, nowMs)}`
  return page('Pipelines', html`${table(head, rows)}${details}`)
}

function extensionz(host: Host, _: URLSearchParams, nowMs: number): string {
  return page(
    'Extensions',
    componentTable(
      host.components().filter(({ kind }) => kind === 'extension'),
      nowMs,
    ),
  )
}

function featurez(): string {
  return page('Features', html`<p>This version has no feature gates.</p>`)
}

function componentTable(components: readonly ComponentView[], nowMs: number): Markup {
  const rows = components.map(({ id, kind, pipelines, status, sinceMs }) => [
    id,
    kind,
    pipelines.join(', '),
    statusText(status),
    formatDuration(Math.max(0, Math.floor((nowMs - sinceMs) / 1_000)) * 1_000),
  ])
  return table(['Component', 'Kind', 'Pipelines', 'Status', 'For'], rows)
}

function statusText(status: Status): Markup {
  const name = status.at.replace('_', ' ')
  if ('error' in status) return html`<span class="bad">${name}: ${status.error.message}</span>`
  return status.at === 'ok' ? html`<span class="ok">ok</span>` : html`${name}`
}

function reloadText(atMs: number, error: Error | undefined): Markup {
  const time = new Date(atMs).toISOString()
  if (error === undefined) return html`${time}, <span class="ok">in force</span>`
  return html`${time}, <span class="bad">refused, the old configuration runs: ${error.message}</span>`
}

/** A connector stands among receivers and exporters. */
function isOfKind(component: ComponentView, kind: string): boolean {
  return component.kind === kind || (component.kind === 'connector' && (kind === 'receiver' || kind === 'exporter'))
}

function steps(pipeline: PipelineView, kind: string, ids: readonly string[]): Markup[] {
  return ids.map((id, i) => {
    const query = new URLSearchParams({ pipelinenamez: pipeline.id, componentnamez: id, componentkindz: kind })
    return html`${i === 0 ? '' : ', '}<a href="pipelinez?${query.toString()}">${id}</a>`
  })
}

function pipelineLink(id: string): Markup {
  return html`<a href="pipelinez?${new URLSearchParams({ pipelinenamez: id }).toString()}">${id}</a>`
}

function link(url: string): Markup {
  return /^https?:/.test(url) ? html`<a href="${url}">${url}</a>` : html`<code>${url}</code>`
}
