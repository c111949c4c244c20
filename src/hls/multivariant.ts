import type { FrameRate } from '../grid/grid.ts';
import { stableIdOf } from './steering.ts';
import { attributes, quoted, startAtBeginning } from './text.ts';

interface Encoded {
  /** Name in URLs, with the generation (`720p`, `720p~2`). */
  readonly path: string;
  /** RFC 6381 codecs, e.g. `avc1.640020`; `jpeg` for pictures. */
  readonly codecs: string;
  /** Bits per second that no stretch of about a target duration passes; as measured, or a bound before it is. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
}

/** What a multivariant playlist says of a rendition. Bit rates are in bits per second, sizes in pixels. */
export type ListedRendition =
  | (Encoded & {
      readonly kind: 'video' | 'iframes' | 'images';
      readonly width: number;
      readonly height: number;
    })
  | (Encoded & { readonly kind: 'audio'; readonly channels: number })
  | {
      readonly kind: 'subtitles';
      readonly path: string;
      /** What people choose by. */
      readonly title: string;
      /** BCP 47. */
      readonly language: string | undefined;
    };

type ListedEncoded = Exclude<ListedRendition, { kind: 'subtitles' }>;

/** Everything that a multivariant playlist depends on. */
export interface MultivariantInput {
  /** In the order in which they are listed: players begin with the first video. */
  readonly renditions: readonly ListedRendition[];
  readonly frameRate: FrameRate;
  /** Leading segments in the bucket, by rendition path; missing means 0. */
  readonly sealedByRendition: Readonly<Record<string, number>>;
  /** `vod`: everything is listed at once. `event`: only what exists is listed. */
  readonly mode: 'vod' | 'event';
  /** URL of a media playlist by rendition path, where it is not {@link mediaPlaylistUri}: the copy in the bucket has no query. */
  readonly mediaUri?: (path: string) => string;
  /** Content Steering (RFC 8216bis 4.4.6.6): where its manifest is, and the pathway that is listed. */
  readonly steering?: { readonly uri: string; readonly pathway: string };
}

/** Groups are called as their pathway is, where there is one: video.js finds those of a clone so. */
const groupId = (kind: 'audio' | 'subtitles', { steering }: MultivariantInput): string =>
  quoted(steering?.pathway ?? kind);

/**
 * The multivariant playlist of this moment (RFC 8216 4.3.4): a session reads it once, and so keeps the sealed prefix that
 * each media playlist URL carries. Throws a RangeError where there is nothing to list.
 */
export function multivariantPlaylist(input: MultivariantInput): string {
  const of = <K extends ListedRendition['kind']>(kind: K) =>
    input.renditions.filter((one): one is Extract<ListedRendition, { kind: K }> => one.kind === kind);
  const [video, audio] = [of('video'), of('audio')];
  const variants = video.length > 0 ? video : audio;
  if (variants.length === 0) throw new RangeError('A multivariant playlist needs sound or picture');
  const groups = { audio: video.length > 0 ? audio : [], subtitles: of('subtitles') };
  const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS'];
  if (input.mode === 'event') lines.push(startAtBeginning);
  if (input.steering !== undefined) lines.push(steeringLine(input.steering));
  lines.push(...groups.audio.map((one, index) => audioLine(one, index === 0, input)));
  lines.push(...groups.subtitles.map((one) => subtitlesLine(one, input)));
  for (const rendition of variants)
    lines.push(variantLine(rendition, groups, input), uriOf(rendition, input));
  for (const rendition of of('iframes'))
    lines.push(stillsLine('EXT-X-I-FRAME-STREAM-INF', rendition, { 'VIDEO-RANGE': 'SDR' }, input));
  for (const rendition of of('images'))
    lines.push(stillsLine('EXT-X-IMAGE-STREAM-INF', rendition, {}, input));
  return `${lines.join('\n')}\n`;
}

/** Relative URL of a media playlist. It names everything its text depends on, so the text of a `vod` one never changes. */
export function mediaPlaylistUri(path: string, sealed: number, mode: 'vod' | 'event'): string {
  return `${path}/media.m3u8?sealed=${sealed}${mode === 'event' ? '&mode=event' : ''}`;
}

function uriOf({ path }: ListedRendition, input: MultivariantInput): string {
  if (input.mediaUri !== undefined) return input.mediaUri(path);
  return mediaPlaylistUri(path, input.sealedByRendition[path] ?? 0, input.mode);
}

/** Only steering needs it. */
function stableId({ path }: ListedRendition, { steering }: MultivariantInput): string | undefined {
  return steering === undefined ? undefined : quoted(stableIdOf(path));
}

/** Of variants, those for trick play included: which pathway they belong to, and who they are in every pathway. */
const steeringAttributes = (
  rendition: ListedRendition,
  input: MultivariantInput,
): Record<string, string | undefined> => ({
  'STABLE-VARIANT-ID': stableId(rendition, input),
  'PATHWAY-ID': input.steering === undefined ? undefined : quoted(input.steering.pathway),
});

function steeringLine({ uri, pathway }: { uri: string; pathway: string }): string {
  return `#EXT-X-CONTENT-STEERING:${attributes({ 'SERVER-URI': quoted(uri), 'PATHWAY-ID': quoted(pathway) })}`;
}

function audioLine(
  rendition: Extract<ListedRendition, { kind: 'audio' }>,
  isFirst: boolean,
  input: MultivariantInput,
): string {
  return `#EXT-X-MEDIA:${attributes({
    TYPE: 'AUDIO',
    'GROUP-ID': groupId('audio', input),
    NAME: quoted(rendition.path),
    'STABLE-RENDITION-ID': stableId(rendition, input),
    DEFAULT: isFirst ? 'YES' : 'NO',
    AUTOSELECT: 'YES',
    CHANNELS: quoted(String(rendition.channels)),
    URI: quoted(uriOf(rendition, input)),
  })}`;
}

/** Never shown unasked (DEFAULT, FORCED), but chosen by who has asked for subtitles of that language (AUTOSELECT). */
function subtitlesLine(
  rendition: Extract<ListedRendition, { kind: 'subtitles' }>,
  input: MultivariantInput,
): string {
  return `#EXT-X-MEDIA:${attributes({
    TYPE: 'SUBTITLES',
    'GROUP-ID': groupId('subtitles', input),
    NAME: quoted(rendition.title),
    LANGUAGE: rendition.language === undefined ? undefined : quoted(rendition.language),
    'STABLE-RENDITION-ID': stableId(rendition, input),
    DEFAULT: 'NO',
    AUTOSELECT: 'YES',
    FORCED: 'NO',
    URI: quoted(uriOf(rendition, input)),
  })}`;
}

/**
 * BANDWIDTH of a variant is that of its worst combination: the video and the heaviest sound of its group. Subtitles weigh less
 * than its rounding. WebVTT segments are not named in CODECS (Apple's authoring rules ask for it with IMSC only).
 */
function variantLine(
  rendition: ListedEncoded,
  groups: { readonly audio: readonly ListedEncoded[]; readonly subtitles: readonly ListedRendition[] },
  input: MultivariantInput,
): string {
  const heaviest = (of: (one: ListedEncoded) => number): number => Math.max(0, ...groups.audio.map(of));
  const codecs = [...new Set([rendition.codecs, ...groups.audio.map((one) => one.codecs)])].join(',');
  const picture = rendition.kind === 'audio' ? undefined : rendition;
  const { num, den } = input.frameRate;
  return `#EXT-X-STREAM-INF:${attributes({
    BANDWIDTH: String(Math.ceil(rendition.bandwidth + heaviest((one) => one.bandwidth))),
    'AVERAGE-BANDWIDTH': String(
      Math.ceil(rendition.averageBandwidth + heaviest((one) => one.averageBandwidth)),
    ),
    CODECS: quoted(codecs),
    RESOLUTION: picture === undefined ? undefined : `${picture.width}x${picture.height}`,
    'FRAME-RATE': picture === undefined ? undefined : (num / den).toFixed(3),
    'VIDEO-RANGE': picture === undefined ? undefined : 'SDR',
    AUDIO: groups.audio.length > 0 ? groupId('audio', input) : undefined,
    SUBTITLES: groups.subtitles.length > 0 ? groupId('subtitles', input) : undefined,
    'CLOSED-CAPTIONS': picture === undefined ? undefined : 'NONE',
    ...steeringAttributes(rendition, input),
  })}`;
}

/** Key frames or pictures for seeking (RFC 8216 4.3.4.3; Roku's EXT-X-IMAGE-STREAM-INF). */
function stillsLine(
  tag: string,
  rendition: Extract<ListedRendition, { kind: 'video' | 'iframes' | 'images' }>,
  more: Readonly<Record<string, string>>,
  input: MultivariantInput,
): string {
  return `#${tag}:${attributes({
    BANDWIDTH: String(Math.ceil(rendition.bandwidth)),
    'AVERAGE-BANDWIDTH': String(Math.ceil(rendition.averageBandwidth)),
    CODECS: quoted(rendition.codecs),
    RESOLUTION: `${rendition.width}x${rendition.height}`,
    ...more,
    ...(tag === 'EXT-X-I-FRAME-STREAM-INF' ? steeringAttributes(rendition, input) : {}),
    URI: quoted(uriOf(rendition, input)),
  })}`;
}
