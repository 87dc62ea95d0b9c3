import type { ConfigSpec } from '../../pipeline/component.ts'

/** `nop` has no settings. */
export type NopConfig = Record<string, never>

export const nopConfig: ConfigSpec<NopConfig> = { schema: {} }
