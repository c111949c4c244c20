import { rule } from './rule.ts';

/** What was not looked at, so that nobody takes it for good. */
export const verifyRules = {
  'verify.time': rule(
    'warning',
    'Everything was looked at in time',
    'Bounds (docs/VERIFY.md)',
    'Give it more time (--within 3h), or look at a sample (--quick)',
  ),
  'verify.parser': rule(
    'note',
    'm3u8-parser was asked for a second opinion',
    'Bounds (docs/VERIFY.md)',
    'It is asked about playlists of up to 1,000,000 characters, with lines of up to 4096: its time grows with their square',
  ),
} as const;
