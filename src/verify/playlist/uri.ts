import type { Expects, Place } from '../report.ts';
import { resolve } from './lines.ts';

const known =
  /\.(m4s|mp4|m4v|m4a|m4i|cmfv|cmfa|cmft|m4f|ts|m2t|m2ts|mts|aac|ac3|ec3|mp3|vtt|webvtt|m3u8|m3u|jpe?g|png|webp)$/i;

/** Checks one URI (RFC 8216 4.1): absolute only to another host, extension known. */
export function checkUri(uri: string, base: string, place: Place, findings: Expects): void {
  const resolved = resolve(uri, base);
  const shown = uri.slice(0, 200);
  let problem: string | undefined;
  if (resolved === undefined) problem = `\`${shown}\` is not an http(s) URI`;
  else if (/^[a-z][a-z0-9+.-]*:/i.test(uri) && new URL(resolved).host === new URL(base).host) {
    problem = `${shown} is absolute, but on the host of the playlist`;
  } else if (!known.test(new URL(resolved).pathname) && !resolved.startsWith('data:'))
    problem = `${shown} has no extension of a playlist or segment`;
  findings.expect('m3u8.uri', place, problem);
}
