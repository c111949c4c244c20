import { z } from 'zod';
import type { SegmentKey } from '../catalog/foreign.ts';
import { checked, pathIn, short } from './attributes.ts';
import { broken, type Line } from './lines.ts';
import { isAbsolute } from './paths.ts';

/** EXT-X-KEY in a source: the IV is written out, and a relative key is a file that somebody uploads. */
export interface SourceKey extends Omit<SegmentKey, 'file'> {
  readonly path: string | undefined;
}

const keySchema = z.object({
  METHOD: z.enum(['NONE', 'AES-128', 'SAMPLE-AES']),
  URI: z.string().min(1).max(2048).optional(),
  IV: z.instanceof(Uint32Array).optional(),
  KEYFORMAT: short.optional(),
  KEYFORMATVERSIONS: short.optional(),
});

/** EXT-X-KEY as its line has it: what it means depends on what it is applied to. */
export type KeyLine = Omit<SourceKey, 'iv'> & { readonly givenIv: string | undefined };

/** Reads EXT-X-KEY; undefined where nothing is encrypted from here on. @throws SegueError `invalid_playlist` */
export function keyOf(line: Line & { type: 'tag' }, playlist: string): KeyLine | undefined {
  const { METHOD: method, URI: uri, IV, KEYFORMAT, KEYFORMATVERSIONS } = checked(keySchema, line);
  if (method === 'NONE') return undefined;
  if (uri === undefined) throw broken(line.number, 'EXT-X-KEY has no URI');
  // m3u8-parser reads the first 16 bytes of whatever is there, and leaves out what has no digits.
  if (IV !== undefined && !/IV=0[xX][0-9A-Fa-f]{32}(,|$)/.test(line.value.replaceAll(' ', ''))) {
    throw broken(line.number, 'the IV of EXT-X-KEY is not 0x and 32 hexadecimal digits');
  }
  const away = isAbsolute(uri);
  return {
    method,
    ...(away ? { uri } : {}),
    path: away ? undefined : pathIn(line, playlist, uri),
    givenIv: IV && hexIv([...IV]),
    keyFormat: KEYFORMAT,
    keyFormatVersions: KEYFORMATVERSIONS,
  };
}

const hexIv = (words: readonly number[]): string =>
  `0x${words.map((word) => word.toString(16).padStart(8, '0')).join('')}`;

/** The key of one segment. Without an IV it is the segment's number in the source (RFC 8216, 5.2), which is not ours. */
export function segmentKey(key: KeyLine | undefined, sequence: number): SourceKey | undefined {
  if (key === undefined) return undefined;
  const { givenIv, ...rest } = key;
  const implied = formatOf(key) === 'identity';
  const high = Math.floor(sequence / 2 ** 32);
  return { ...rest, iv: givenIv ?? (implied ? hexIv([0, 0, high, sequence % 2 ** 32]) : undefined) };
}

/** The key of an init segment. It has no number: without an IV, which is an error of the source (4.3.2.5), hls.js takes 0. */
export const mapKey = (key: KeyLine | undefined): SourceKey | undefined => segmentKey(key, 0);

/** Whether a key takes the place of another one: those of several formats hold together (RFC 8216, 4.3.2.4). */
export const replaces = (key: KeyLine, before: KeyLine): boolean => formatOf(key) === formatOf(before);

const formatOf = ({ keyFormat }: KeyLine): string => keyFormat ?? 'identity';
