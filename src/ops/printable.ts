// Control characters (C0, DEL, C1), and those that turn the direction of what follows.
const acts = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A text as a terminal may be given it: what would move its cursor, clear it or pretend to be another line is shown as `\uXXXX`, which
 * in JSON is the same text. Much of what is told comes from strangers: paths, files, playlists, answers.
 */
export const printable = (text: string): string =>
  text.replaceAll(acts, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
