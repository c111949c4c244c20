import { checkAnswer, checkMediaCaching, checkMediaType, sourceOf } from './answers.ts';
import { digestOf } from './digest.ts';
import { fetchKey, type Reach, rangeOf, sizes } from './load.ts';
import type { Key, ListedSegment, MapTag } from './playlist/media.ts';
import { readBody } from './read-body.ts';
import type { Place, Source } from './report.ts';
import { decrypt, sequenceIv } from './segment/decrypt.ts';
import { attempt, FormatError, type SegmentFacts } from './segment/facts.ts';
import { type Initial, readInit } from './segment/init.ts';
import { containerOf } from './segment/sniff.ts';
import { looksLikeTs } from './segment/ts-packets.ts';

/** A segment that was fetched. */
export interface FetchedSegment {
  readonly listed: ListedSegment;
  readonly place: Place;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  readonly source: Source;
  /** Of the bytes that came; undefined where they did not come whole. */
  readonly digest: string | undefined;
  /** Undefined where the body could not be read. */
  readonly facts: SegmentFacts | undefined;
}

/** A rendition whose segments are fetched. */
export interface Loading {
  readonly name: string;
  readonly iframes: boolean;
  /** By URL and range. */
  readonly initials: Map<string, Promise<Initial | undefined>>;
}

const keyOf = ({ url, range }: MapTag): string => `${url} ${range?.offset} ${range?.length}`;

/** Fetches, decrypts and reads one segment. Undefined where nothing answered, or there is a gap. */
export async function fetchSegment(
  listed: ListedSegment,
  rendition: Loading,
  reach: Reach,
): Promise<FetchedSegment | undefined> {
  const { findings } = reach;
  const place = { where: `${rendition.name} #${listed.n}`, url: listed.url, line: listed.line };
  if (listed.gap || listed.url === '' || listed.url.startsWith('data:')) return undefined;
  const initial = listed.map === undefined ? undefined : await fetchInitial(listed.map, rendition, reach);
  const got = await reach.get(listed.url, place, { maxBytes: sizes.segment, range: listed.range });
  if (got === undefined) return undefined;
  const readable = checkAnswer('segment', got, place, findings);
  const body = readable ? rangeOf(got, listed.range, place, findings) : undefined;
  const plain =
    body && (await decrypted(body, listed.key, listed.key?.iv ?? sequenceIv(listed.n), place, reach));
  if (body !== undefined) checkMediaType(got, plain && containerOf(plain), place, findings);
  const facts = plain && readBody(plain, { initial, listed, iframes: rendition.iframes }, place, findings);
  if (readable) checkMediaCaching(got, (facts?.padding ?? 0) > 0, place, findings);
  return {
    listed,
    place,
    status: got.last.status,
    bytes: listed.range?.length ?? got.wireBytes,
    ms: Math.round(got.ms),
    source: sourceOf(got),
    digest: body && digestOf(body),
    facts,
  };
}

/** The init segment of an EXT-X-MAP, fetched once. */
function fetchInitial(map: MapTag, rendition: Loading, reach: Reach): Promise<Initial | undefined> {
  const known = rendition.initials.get(keyOf(map));
  if (known !== undefined) return known;
  const fetched = loadInitial(map, { where: `${rendition.name} init`, url: map.url }, reach);
  rendition.initials.set(keyOf(map), fetched);
  return fetched;
}

async function loadInitial(map: MapTag, place: Place, reach: Reach): Promise<Initial | undefined> {
  const { findings } = reach;
  const got = await reach.get(map.url, place, { maxBytes: sizes.segment, range: map.range });
  if (got === undefined || !checkAnswer('init', got, place, findings)) return undefined;
  checkMediaCaching(got, false, place, findings);
  const body = rangeOf(got, map.range, place, findings);
  const bytes = body && (await decrypted(body, map.key, map.key?.iv, place, reach));
  if (bytes === undefined) return undefined;
  if (looksLikeTs(bytes)) return { tables: bytes };
  checkMediaType(got, 'fmp4', place, findings);
  const init = attempt(() => readInit(bytes));
  findings.expect('box.init', place, init instanceof FormatError && init.message);
  if (init instanceof FormatError) return undefined;
  const edited = init.find(({ hasEditList }) => hasEditList);
  findings.expect('box.elst', place, edited && `track ${edited.id} has an edit list`);
  return { init };
}

/** The bytes without their encryption; undefined where they cannot be had. An init segment needs an IV (RFC 8216 4.3.2.5). */
async function decrypted(
  bytes: Uint8Array,
  key: Key | undefined,
  iv: Uint8Array | undefined,
  place: Place,
  reach: Reach,
): Promise<Uint8Array | undefined> {
  if (key === undefined) return bytes;
  const { findings } = reach;
  const open = key.method === 'AES-128' && key.format === 'identity';
  findings.expect('key.method', place, !open && `METHOD=${key.method}, KEYFORMAT ${key.format}`);
  if (!open) return undefined;
  const secret = await fetchKey(key, place, reach);
  if (secret === undefined) return undefined;
  if (iv === undefined) {
    findings.expect('key.decrypt', place, 'an encrypted EXT-X-MAP needs an IV');
    return undefined;
  }
  const plain = attempt(() => decrypt(bytes, secret, iv));
  findings.expect('key.decrypt', place, plain instanceof FormatError && plain.message);
  return plain instanceof FormatError ? undefined : plain;
}
