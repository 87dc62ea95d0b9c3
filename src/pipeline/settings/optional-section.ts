/** What {@link optionalSection} adds to a section's settings. */
export interface OptionalSection {
  /** Whether the section is in force. */
  enabled: boolean
}

/**
 * Settings of a section that is off until its key appears (`tls:` or `tls: {…}` switches it on) and that `enabled: false`
 * switches off again. The decoder sets `enabled` from the presence of the key.
 */
export function optionalSection<Settings extends object>(settings: Settings) {
  return {
    enabled: {
      doc: 'false switches this section off; it is on when the section is written',
      format: Boolean,
      default: false,
      presence: true,
    },
    ...settings,
  }
}
