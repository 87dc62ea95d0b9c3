/** HTML put together so that no text of the outside can become markup. */

const MARKUP = Symbol('markup')

/** Finished HTML. */
export interface Markup {
  [MARKUP]: string
}

type Part = Markup | readonly Markup[] | string | number

/** A template whose values are escaped unless they are markup themselves. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { [MARKUP]: texts.map((text, i) => (i === 0 ? text : render(parts[i - 1] ?? '') + text)).join('') }
}

/** A table with a head and a row for each item. */
export function table(head: readonly string[], rows: readonly (readonly Part[])[]): Markup {
  const cells = (row: readonly Part[]) => row.map((cell) => html`<td>${cell}</td>`)
  return html`<table><thead><tr>${head.map((cell) => html`<th>${cell}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${cells(row)}</tr>\n`)}</tbody></table>`
}

/** A whole page as text. */
export function page(title: string, body: Markup): string {
  return render(html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title} · fovea</title><style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1c2733 }
nav a { margin-right: 1rem } h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse; margin: .5rem 0 } th, td { text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #d9dfe5; vertical-align: top }
.ok { color: #1a7f37 } .bad { color: #b42318 } code { font-size: 13px }
</style></head><body>
<nav><a href="servicez">service</a><a href="pipelinez">pipelines</a><a href="extensionz">extensions</a><a href="featurez">features</a></nav>
<h1>${title}</h1>
${body}
</body></html>
`)
}

function render(part: Part): string {
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part))
  return MARKUP in part ? part[MARKUP] : part.map(render).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
