/** What a finding means: `error` = a MUST is broken or some player fails, `warning` = a SHOULD or one of Apple's rules, `note` = worth knowing. */
export type Level = 'note' | 'warning' | 'error';

/** One thing that is looked at, always the same way. */
export interface Rule {
  readonly level: Level;
  /** What holds where nothing was found. */
  readonly title: string;
  /** Where it is written: an RFC 8216 section, Apple's HLS Authoring Specification (`Apple 9.14`), another standard. */
  readonly source: string;
  /** The way out. */
  readonly hint: string;
}

/** A row of the table of rules. */
export const rule = (level: Level, title: string, source: string, hint: string): Rule => ({
  level,
  title,
  source,
  hint,
});
