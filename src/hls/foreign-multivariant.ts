import { attributes, quoted, startAtBeginning } from './text.ts';

/** One rendition of a foreign stream, as its multivariant playlist lists it. Bit rates in bits per second, sizes in pixels. */
export interface ForeignRenditionLine {
  readonly kind: 'video' | 'audio' | 'iframes' | 'images' | 'subtitles';
  /** Name in URLs. */
  readonly name: string;
  /** URL of its media playlist. */
  readonly uri: string;
  readonly attributes: {
    readonly role: 'variant' | 'media';
    readonly codecs?: string | undefined;
    readonly bandwidth?: number | undefined;
    readonly averageBandwidth?: number | undefined;
    readonly width?: number | undefined;
    readonly height?: number | undefined;
    readonly frameRate?: number | undefined;
    readonly audioGroup?: string | undefined;
    readonly subtitlesGroup?: string | undefined;
    readonly groupId?: string | undefined;
    readonly name?: string | undefined;
    readonly language?: string | undefined;
    readonly channels?: string | undefined;
    readonly characteristics?: string | undefined;
    readonly isDefault?: boolean | undefined;
    readonly autoselect?: boolean | undefined;
    readonly forced?: boolean | undefined;
  };
}

/** BANDWIDTH is required; this is said where neither the source nor its segments told. */
const unknownBandwidth = 1_000_000;

/**
 * The multivariant playlist of what somebody else renders (RFC 8216 4.3.4), from what the source says of its renditions. A
 * source with a single media playlist gets one, too. A group without a rendition is not referred to. With `fromStart` players
 * are told to begin with the first segment, not at the live edge.
 * @throws RangeError where there is no variant
 */
export function foreignMultivariantPlaylist(
  renditions: readonly ForeignRenditionLine[],
  fromStart = false,
): string {
  const variants = renditions.filter((one) => one.attributes.role === 'variant');
  if (variants.length === 0) throw new RangeError('A multivariant playlist needs a variant');
  const media = renditions.filter(
    ({ kind, attributes: { role } }) => role === 'media' && (kind === 'audio' || kind === 'subtitles'),
  );
  return `${[
    '#EXTM3U',
    '#EXT-X-VERSION:6',
    ...(fromStart ? [startAtBeginning] : []),
    ...media.map(mediaLine),
    ...variants.flatMap((one) => [variantLine(one, media), one.uri]),
  ].join('\n')}\n`;
}

const groupOf = ({ kind, attributes: { groupId } }: ForeignRenditionLine): string => groupId ?? kind;
const yesNo = (value: boolean): string => (value ? 'YES' : 'NO');
/** Text of the source as a quoted string, which may hold neither quotes nor line breaks. */
const text = (value: string | undefined): string | undefined =>
  value === undefined ? undefined : quoted(value.replaceAll(/["\r\n]/g, ' '));

function mediaLine(rendition: ForeignRenditionLine): string {
  const { kind, name, uri, attributes: of } = rendition;
  const isDefault = of.isDefault ?? false;
  return `#EXT-X-MEDIA:${attributes({
    TYPE: kind === 'audio' ? 'AUDIO' : 'SUBTITLES',
    'GROUP-ID': text(groupOf(rendition)),
    NAME: text(of.name ?? name),
    LANGUAGE: text(of.language),
    DEFAULT: yesNo(isDefault),
    // What is the default has to be selectable (RFC 8216 4.3.4.1).
    AUTOSELECT: yesNo(isDefault || (of.autoselect ?? false)),
    FORCED: kind === 'subtitles' ? yesNo(of.forced ?? false) : undefined,
    CHARACTERISTICS: text(of.characteristics),
    CHANNELS: kind === 'audio' ? text(of.channels) : undefined,
    URI: text(uri),
  })}`;
}

function variantLine(
  { attributes: of }: ForeignRenditionLine,
  media: readonly ForeignRenditionLine[],
): string {
  const group = (kind: 'audio' | 'subtitles', id: string | undefined): string | undefined =>
    media.some((one) => one.kind === kind && groupOf(one) === id) ? text(id) : undefined;
  const whole = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : String(Math.ceil(value));
  return `#EXT-X-STREAM-INF:${attributes({
    BANDWIDTH: whole(of.bandwidth ?? unknownBandwidth),
    'AVERAGE-BANDWIDTH': whole(of.averageBandwidth),
    CODECS: text(of.codecs),
    RESOLUTION: of.width === undefined || of.height === undefined ? undefined : `${of.width}x${of.height}`,
    'FRAME-RATE': of.frameRate?.toFixed(3),
    AUDIO: group('audio', of.audioGroup),
    SUBTITLES: group('subtitles', of.subtitlesGroup),
  })}`;
}
