/** What stands where something was taken out, as in Hubble. */
export const REDACTED = 'HUBBLE_REDACTED'

/** Takes out of texts what must not leave. Each returns the text itself where there is nothing to take out. */
export interface Redactor {
  /** @param url as a request has it: absolute, or a path */
  url(url: string): string
  /** The value of an HTTP header. */
  header(key: string, value: string): string
  /** DNS names joined by `,`. */
  names(joined: string): string
  /** Whether any name can be redacted. */
  readonly redactsNames: boolean
}
