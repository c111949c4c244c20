/**
 * Start at the beginning also while the playlist grows. Exactly 0 is ignored by Shaka; without the tag players join three
 * target durations from the end (RFC 8216 4.3.5.2).
 */
export const startAtBeginning = '#EXT-X-START:TIME-OFFSET=0.01,PRECISE=YES';

/** An attribute list (RFC 8216 4.2) of those attributes that have a value, in the given order. */
export function attributes(list: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(list)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

/** A quoted-string. Throws a RangeError on what such a string cannot hold (quote, line break). */
export function quoted(text: string): string {
  if (/["\r\n]/.test(text))
    throw new RangeError(`Not allowed in a quoted string of a playlist: ${JSON.stringify(text)}`);
  return `"${text}"`;
}

/** Microseconds as decimal seconds with six digits. */
export function seconds(micros: number): string {
  return `${Math.trunc(micros / 1e6)}.${String(micros % 1e6).padStart(6, '0')}`;
}
