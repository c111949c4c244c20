import { type Line, readAttributes } from './lines.ts';
import { checkUri, resolve } from './media-playlist.ts';
import type { Findings } from './report.ts';

/** A media playlist that a multivariant one names. */
export interface ListedRendition {
  /** NAME of the rendition, or the size of the variant, or the path of its URI. */
  readonly name: string;
  readonly url: string;
  readonly type: 'variant' | 'audio' | 'other';
  /** AUDIO of a variant, GROUP-ID of a rendition. */
  readonly group: string | undefined;
  readonly codecs: readonly string[];
  /** Bits per second; undefined when missing. */
  readonly bandwidth: number | undefined;
  /** Width and height in pixels. */
  readonly resolution: readonly [number, number] | undefined;
}

/** A multivariant playlist, read. */
export interface Multivariant {
  readonly renditions: readonly ListedRendition[];
  readonly independent: boolean;
}

type Listing = Omit<ListedRendition, 'url' | 'name'> & {
  readonly name: string | undefined;
  readonly uri: string | undefined;
};

/** Reads a multivariant playlist and checks it (RFC 8216 4.3.4). */
export function checkMultivariant(
  lines: readonly Line[],
  url: string,
  where: string,
  findings: Findings,
): Multivariant {
  const listings: Listing[] = [];
  const named = new Set<string>();
  let variant: { listing: Listing; place: string } | undefined;
  for (const line of lines) {
    const place = `${where} line ${line.number}`;
    if (line.kind === 'uri') {
      if (variant !== undefined) listings.push({ ...variant.listing, uri: line.uri });
      findings.expect('variant.attributes', place, variant === undefined && 'a URI without EXT-X-STREAM-INF');
      variant = undefined;
    } else if (line.name === 'EXT-X-STREAM-INF') {
      variant = { listing: readVariant(line.value, place, findings), place };
    } else if (line.name === 'EXT-X-MEDIA') {
      listings.push(readMedia(line.value, place, named, findings));
    }
  }
  const groups = new Set(listings.filter((one) => one.type === 'audio').map((one) => one.group));
  for (const { type, group } of listings) {
    if (type !== 'variant' || group === undefined) continue;
    findings.expect('variant.group', where, !groups.has(group) && `AUDIO="${group}" names no EXT-X-MEDIA`);
  }
  const renditions = listings.flatMap(({ uri, ...one }): ListedRendition[] => {
    if (uri === undefined) return [];
    checkUri(uri, url, where, findings);
    const resolved = resolve(uri, url);
    return resolved === undefined ? [] : [{ ...one, name: one.name ?? nameOf(resolved), url: resolved }];
  });
  return {
    renditions: renditions.filter(
      (one, index) => renditions.findIndex((other) => other.url === one.url) === index,
    ),
    independent: lines.some((line) => line.kind === 'tag' && line.name === 'EXT-X-INDEPENDENT-SEGMENTS'),
  };
}

function readVariant(value: string, place: string, findings: Findings): Listing {
  const { values } = readAttributes(value);
  const bandwidth = values.get('BANDWIDTH');
  const isNumber = bandwidth !== undefined && /^\d+$/.test(bandwidth);
  findings.expect('variant.attributes', place, !isNumber && 'EXT-X-STREAM-INF without BANDWIDTH');
  const codecs = values.get('CODECS')?.split(',') ?? [];
  const size = /^(\d+)x(\d+)$/.exec(values.get('RESOLUTION') ?? '');
  const hasPicture = codecs.length === 0 || codecs.some((codec) => /^(avc|hvc|hev|av01|vp)/.test(codec));
  const missing = [codecs.length === 0 && 'CODECS', hasPicture && size === null && 'RESOLUTION'].filter(
    Boolean,
  );
  findings.expect('variant.described', place, missing.length > 0 && `${missing.join(' and ')} missing`);
  return {
    type: 'variant',
    name: undefined,
    uri: undefined,
    group: values.get('AUDIO'),
    codecs,
    bandwidth: isNumber ? Number(bandwidth) : undefined,
    resolution: size === null ? undefined : [Number(size[1]), Number(size[2])],
  };
}

function readMedia(value: string, place: string, named: Set<string>, findings: Findings): Listing {
  const { values } = readAttributes(value);
  const missing = ['TYPE', 'GROUP-ID', 'NAME'].filter((name) => !values.has(name));
  const key = `${values.get('TYPE')} ${values.get('GROUP-ID')} ${values.get('NAME')}`;
  const twice = named.has(key) && `NAME ${values.get('NAME')} stands twice in its group`;
  findings.expect(
    'variant.attributes',
    place,
    missing.length > 0 ? `EXT-X-MEDIA without ${missing.join(', ')}` : twice,
  );
  named.add(key);
  return {
    type: values.get('TYPE') === 'AUDIO' ? 'audio' : 'other',
    name: values.get('NAME'),
    uri: values.get('URI'),
    group: values.get('GROUP-ID'),
    codecs: [],
    bandwidth: undefined,
    resolution: undefined,
  };
}

/** The file says which rendition it is, or its folder where every file is called alike. */
function nameOf(url: string): string {
  const parts = new URL(url).pathname.split('/').filter((part) => part !== '');
  const file = parts.at(-1)?.replace(/\.m3u8?$/, '') ?? url;
  return /^(media|index|playlist|main|prog_index)$/.test(file) ? (parts.at(-2) ?? file) : file;
}
