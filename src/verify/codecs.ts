import type { Container } from './segment/facts.ts';

/** What is wrong with CODECS, given one codec that is there. Undefined where it is announced (RFC 6381). */
export function codecProblem(
  codec: string,
  announced: readonly string[],
  container: Container,
): string | undefined {
  const fits = announced.some((one) => matches(codec.toLowerCase(), one.toLowerCase(), container));
  return fits ? undefined : `it is ${codec}, CODECS say ${announced.join(',').slice(0, 200)}`;
}

function matches(found: string, told: string, container: Container): boolean {
  if (found === told) return true;
  // Where only the sample entry is known, its four characters must be announced; a string may also say more, or less.
  if (told.startsWith(`${found}.`) || (told.includes('.') && found.startsWith(`${told}.`))) return true;
  // ADTS does not say whether spectral band replication is used.
  if (container !== 'fmp4' && found === 'mp4a.40.2' && /^mp4a\.40\.(5|29)$/.test(told)) return true;
  if (container === 'ts' && /^avc[13]/.test(found)) return sameProfile(found, told.replace(/^avc3/, 'avc1'));
  if (container === 'ts' && found === 'mp4a.40.34')
    return told === 'mp4a.69' || told === 'mp4a.6b' || told === 'mp3';
  return sameProfile(found, told);
}

/** The same profile and level of H.264; the constraint flags between them change nothing for a decoder. */
function sameProfile(found: string, told: string): boolean {
  const parts = /^(avc\d\.[0-9a-f]{2})[0-9a-f]{2}([0-9a-f]{2})$/;
  const [a, b] = [parts.exec(found), parts.exec(told)];
  return a !== null && b !== null && a[1] === b[1] && a[2] === b[2];
}
