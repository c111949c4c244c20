import type { Container } from '../rendition/kind.ts';

const fmp4Boxes = new Set(['ftyp', 'styp', 'moof', 'sidx', 'emsg', 'prft', 'moov', 'free', 'skip', 'uuid']);
const packet = 188;

/** What a segment's first bytes are (RFC 8216, section 3); undefined where they tell nothing, as when they are encrypted. */
export function containerOf(head: Uint8Array): Container | undefined {
  const text = String.fromCharCode(...head.subarray(0, 16));
  if (fmp4Boxes.has(text.slice(4, 8))) return 'fmp4';
  if (head[0] === 0x47 && (head.byteLength <= packet || head[packet] === 0x47)) return 'mpegts';
  if (/^(\u00EF\u00BB\u00BF)?WEBVTT/.test(text)) return 'webvtt';
  const sync = ((head[0] ?? 0) << 8) | (head[1] ?? 0);
  // ID3 before AAC, AC-3 or MP3; or ADTS, AC-3 and MPEG audio themselves.
  if (text.startsWith('ID3') || (sync & 0xffe0) === 0xffe0 || sync === 0x0b77) return 'packed';
  return undefined;
}

/** The container of a segment whose bytes tell nothing, by its name and whether it needs an init segment. */
export function containerByName(path: string, hasMap: boolean): Container {
  if (hasMap) return 'fmp4';
  const extension = /\.([a-z0-9]{1,5})$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  if (['aac', 'ac3', 'ec3', 'mp3'].includes(extension)) return 'packed';
  if (['vtt', 'webvtt'].includes(extension)) return 'webvtt';
  if (['m4s', 'mp4', 'cmfv', 'cmfa'].includes(extension)) return 'fmp4';
  return 'mpegts';
}
