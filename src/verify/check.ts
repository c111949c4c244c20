/** What a finding means for the stream: `error` = some player fails or may fail, `warning` = it works, but something is off. */
export type Level = 'warning' | 'error';

/** One thing that is looked at, always the same way. */
export interface Check {
  readonly level: Level;
  /** What holds where nothing was found. */
  readonly title: string;
  /** The rule: an RFC 8216 section, another standard, or what is known of players. */
  readonly rule: string;
  /** The way out. */
  readonly hint: string;
}

/** A row of the table of checks. */
export const check = (level: Level, title: string, rule: string, hint: string): Check => ({
  level,
  title,
  rule,
  hint,
});
