import { dirname } from 'node:path'

/** Folder of package.json: this file lies two below it, and so does its copy in dist/ below dist/. */
export const root = dirname(dirname(import.meta.dirname)).replace(/[/\\]dist$/, '')
