import { fourCharacters, viewOf } from './boxes.ts';
import type { Container } from './facts.ts';
import { looksPacked } from './packed.ts';
import { looksLikeTs } from './ts-packets.ts';
import { looksLikeVtt } from './webvtt.ts';

const boxTypes = /^(free|styp|moof|sidx|emsg|prft|ftyp|moov|mdat|skip|uuid)$/;

/** What bytes are, by how they begin; undefined where HLS knows no such segment. */
export function containerOf(bytes: Uint8Array): Container | undefined {
  if (looksLikeTs(bytes)) return 'ts';
  if (bytes.length >= 8 && boxTypes.test(fourCharacters(viewOf(bytes), 4))) return 'fmp4';
  if (looksLikeVtt(bytes)) return 'webvtt';
  if (isImage(bytes)) return 'image';
  return looksPacked(bytes) ? 'packed' : undefined;
}

function isImage(bytes: Uint8Array): boolean {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  return start.startsWith('\xff\xd8\xff') || start.startsWith('\x89PNG') || /^RIFF....WEBP/s.test(start);
}
