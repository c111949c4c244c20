import type { Expects, Place } from '../report.ts';
import { atLine } from '../report.ts';
import { readAttributes } from './attributes.ts';
import { checkGroups } from './groups.ts';
import { hasTag, type Line, resolve, wholeNumber } from './lines.ts';
import { checkSession } from './session.ts';
import { checkUri } from './uri.ts';

/** What a listed media playlist is for. */
export type RenditionType = 'variant' | 'audio' | 'video' | 'subtitles' | 'iframes' | 'images' | 'other';

/** A media playlist that a multivariant one names. */
export interface ListedRendition {
  /** NAME of the rendition, or the file or folder of its URI. */
  readonly name: string;
  readonly url: string;
  readonly type: RenditionType;
  /** Where it is listed. */
  readonly place: Place;
  /** GROUP-ID of a rendition. */
  readonly group: string | undefined;
  /** Its attributes, without quotes. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly codecs: readonly string[];
  /** Bits per second; undefined when missing. */
  readonly bandwidth: number | undefined;
  readonly averageBandwidth: number | undefined;
  /** Width and height in pixels. */
  readonly resolution: readonly [number, number] | undefined;
  /** Frames a second. */
  readonly frameRate: number | undefined;
}

/** A multivariant playlist, read. */
export interface Multivariant {
  readonly renditions: readonly ListedRendition[];
  readonly independent: boolean;
}

/** Variants and renditions that are read; they are compared with each other. */
const maxListings = 1000;

const streamTags: ReadonlyMap<string, RenditionType> = new Map([
  ['EXT-X-STREAM-INF', 'variant'],
  ['EXT-X-I-FRAME-STREAM-INF', 'iframes'],
  ['EXT-X-IMAGE-STREAM-INF', 'images'],
]);
const mediaTypes: ReadonlyMap<string | undefined, RenditionType> = new Map([
  ['AUDIO', 'audio'],
  ['VIDEO', 'video'],
  ['SUBTITLES', 'subtitles'],
]);

type Listing = Omit<ListedRendition, 'url' | 'name'> & { readonly uri: string | undefined };

/** Reads a multivariant playlist and checks it (RFC 8216 4.3.4). */
export function checkMultivariant(
  lines: readonly Line[],
  url: string,
  place: Place,
  findings: Expects,
): Multivariant {
  const listings: Listing[] = [];
  let variant: Listing | undefined;
  const unfinished = (): void => {
    if (variant !== undefined)
      findings.expect('variant.attributes', variant.place, 'no URI follows EXT-X-STREAM-INF');
    variant = undefined;
  };
  for (const line of lines) {
    if (listings.length >= maxListings) break;
    const at = atLine(place, line.number);
    if (line.kind === 'uri') {
      if (variant !== undefined) listings.push({ ...variant, uri: line.uri });
      findings.expect('variant.attributes', at, variant === undefined && 'a URI without EXT-X-STREAM-INF');
      variant = undefined;
      continue;
    }
    const type = streamTags.get(line.name);
    // The URI is the very next line (4.3.4.2).
    unfinished();
    if (type === 'variant') variant = listing(line.value, 'variant', at);
    else if (type !== undefined) listings.push(listing(line.value, type, at));
    else if (line.name === 'EXT-X-MEDIA') listings.push(listing(line.value, undefined, at));
  }
  unfinished();
  for (const one of listings) checkListing(one, findings);
  checkGroups(listings, findings);
  checkSession(lines, place, findings);
  const renditions = listings.flatMap(({ uri, ...one }): ListedRendition[] => {
    if (uri === undefined) return [];
    checkUri(uri, url, one.place, findings);
    const resolved = resolve(uri, url);
    if (resolved === undefined || resolved.startsWith('data:')) return [];
    return [{ ...one, name: one.attributes.get('NAME') ?? nameOf(resolved), url: resolved }];
  });
  return { renditions, independent: hasTag(lines, 'EXT-X-INDEPENDENT-SEGMENTS') };
}

function listing(value: string, type: RenditionType | undefined, place: Place): Listing {
  const { values } = readAttributes(value);
  const size = /^(\d{1,6})x(\d{1,6})$/.exec(values.get('RESOLUTION') ?? '');
  const rate = Number(values.get('FRAME-RATE') ?? Number.NaN);
  return {
    type: type ?? mediaTypes.get(values.get('TYPE')) ?? 'other',
    place,
    uri: values.get('URI'),
    group: values.get('GROUP-ID'),
    attributes: values,
    codecs: (values.get('CODECS') ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== ''),
    bandwidth: wholeNumber(values.get('BANDWIDTH')),
    averageBandwidth: wholeNumber(values.get('AVERAGE-BANDWIDTH')),
    resolution: size === null ? undefined : [Number(size[1]), Number(size[2])],
    frameRate: rate > 0 ? rate : undefined,
  };
}

function checkListing(one: Listing, findings: Expects): void {
  const { type, place, attributes, bandwidth, uri } = one;
  const lacks = (...names: readonly string[]): string[] => names.filter((name) => !attributes.has(name));
  if (type === 'variant') {
    findings.expect(
      'variant.attributes',
      place,
      bandwidth === undefined && 'EXT-X-STREAM-INF without BANDWIDTH',
    );
    checkDescribed(one, findings);
  } else if (type === 'iframes') {
    const missing = [...(uri === undefined ? ['URI'] : []), ...lacks('BANDWIDTH', 'CODECS', 'RESOLUTION')];
    findings.expect('iframe.attributes', place, missing.length > 0 && `without ${missing.join(', ')}`);
  } else if (type === 'images') {
    const missing = lacks('URI', 'BANDWIDTH', 'CODECS', 'RESOLUTION');
    findings.expect('image.attributes', place, missing.length > 0 && `without ${missing.join(', ')}`);
  } else {
    const missing = lacks('TYPE', 'GROUP-ID', 'NAME', ...(type === 'subtitles' ? ['URI'] : []));
    const told = missing.length > 0 && `EXT-X-MEDIA without ${missing.join(', ')}`;
    findings.expect('variant.attributes', place, told);
    const speaks = attributes.get('TYPE') !== 'VIDEO';
    findings.expect(
      'variant.language',
      place,
      speaks && !attributes.has('LANGUAGE') && 'LANGUAGE is missing',
    );
  }
}

/** What players choose a variant by (Apple 9.1, 9.2, 9.14, 9.15). */
function checkDescribed({ codecs, resolution, attributes, place }: Listing, findings: Expects): void {
  const hasPicture = codecs.length === 0 || codecs.some((codec) => /^(avc|hvc|hev|dvh|av01|vp)/.test(codec));
  const missing = [codecs.length === 0 && 'CODECS', hasPicture && resolution === undefined && 'RESOLUTION'];
  const named = missing.filter((one) => one !== false);
  findings.expect('variant.described', place, named.length > 0 && `${named.join(' and ')} missing`);
  findings.expect(
    'variant.average',
    place,
    !attributes.has('AVERAGE-BANDWIDTH') && 'AVERAGE-BANDWIDTH is missing',
  );
  if (hasPicture)
    findings.expect('variant.framerate', place, !attributes.has('FRAME-RATE') && 'FRAME-RATE is missing');
}

/** The file says which rendition it is, or its folder where every file is called alike. */
function nameOf(url: string): string {
  const parts = new URL(url).pathname.split('/').filter((part) => part !== '');
  const file = parts.at(-1)?.replace(/\.m3u8?$/, '') ?? url;
  return /^(media|index|playlist|main|prog_index)$/.test(file) ? (parts.at(-2) ?? file) : file;
}
