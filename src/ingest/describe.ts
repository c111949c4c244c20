import type { RenditionAttributes } from '../catalog/foreign.ts';
import type { RenditionKind } from '../rendition/kind.ts';
import type { SourceRendition } from './playlist.ts';

/** Kind and attributes of a rendition as far as they are known. */
export interface Described {
  readonly kind: RenditionKind;
  readonly attributes: RenditionAttributes;
}

/** What the first segment of a rendition shows. */
export interface Probed {
  readonly codecs: readonly string[];
  readonly video: boolean;
  readonly audio: boolean;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly channels?: number | undefined;
}

const audioCodec = /^(mp4a|ac-3|ec-3|ac-4|opus|flac|alac)/i;

/** A rendition by its source's multivariant playlist. */
export function describedBy(entry: SourceRendition): Described {
  if (entry.role === 'variant') {
    const a = entry.attributes;
    const codecs = a.CODECS?.split(',').map((codec) => codec.trim()) ?? [];
    const onlySound =
      codecs.length > 0 && codecs.every((codec) => audioCodec.test(codec)) && a.RESOLUTION === undefined;
    return {
      kind: onlySound ? 'audio' : 'video',
      attributes: {
        source: entry.path,
        role: 'variant',
        codecs: a.CODECS,
        bandwidth: a.BANDWIDTH,
        averageBandwidth: a['AVERAGE-BANDWIDTH'],
        width: a.RESOLUTION?.width,
        height: a.RESOLUTION?.height,
        frameRate: a['FRAME-RATE'],
        audioGroup: a.AUDIO,
        subtitlesGroup: a.SUBTITLES,
      },
    };
  }
  const a = entry.attributes;
  return {
    kind: a.TYPE === 'AUDIO' ? 'audio' : a.TYPE === 'SUBTITLES' ? 'subtitles' : 'video',
    attributes: {
      source: entry.path,
      role: 'media',
      groupId: a['GROUP-ID'],
      name: a.NAME,
      language: a.LANGUAGE,
      channels: a.CHANNELS,
      characteristics: a.CHARACTERISTICS,
      isDefault: a.DEFAULT,
      autoselect: a.AUTOSELECT,
      forced: a.FORCED,
    },
  };
}

/** Where the knowledge of a rendition comes from. */
export interface Evidence {
  /** Of its media playlist. */
  readonly path: string;
  /** What its row has from earlier: a source says once what a rendition is, and its stream is opened many times. */
  readonly stored: Described | undefined;
  /** What the source's multivariant playlist has said since then. */
  readonly entry: SourceRendition | undefined;
  readonly probed: Probed | undefined;
  /** Most bits per second of a segment so far, which stands for BANDWIDTH where the source gives none. */
  readonly peak: number;
}

/** Everything known of a rendition: the source's word first, then what its segments show. */
export function describe({ path, stored, entry, probed, peak }: Evidence): Described {
  const kind: RenditionKind = probed?.audio === true && !probed.video ? 'audio' : 'video';
  const unsaid = stored ?? { kind, attributes: { source: path, role: 'variant' } };
  const said: Described = entry === undefined ? unsaid : describedBy(entry);
  const { isMeasured, ...attributes } = said.attributes;
  const declared = isMeasured === true ? undefined : attributes.bandwidth;
  const bandwidth = declared ?? roundedUp(peak);
  const shown = attributes.role === 'variant' ? shownBy(probed, stored?.attributes) : {};
  const channels = probed?.channels?.toString() ?? stored?.attributes.channels;
  return {
    kind: said.kind,
    attributes: {
      ...attributes,
      codecs: attributes.codecs ?? shown.codecs,
      bandwidth,
      ...(declared === undefined && bandwidth !== undefined ? { isMeasured: true } : {}),
      width: attributes.width ?? shown.width,
      height: attributes.height ?? shown.height,
      channels: attributes.channels ?? (said.kind === 'audio' ? channels : undefined),
    },
  };
}

/** What the first segment shows of a variant; after that was seen, what was written down of it. */
function shownBy(
  probed: Probed | undefined,
  stored: RenditionAttributes | undefined,
): Pick<RenditionAttributes, 'codecs' | 'width' | 'height'> {
  if (probed === undefined) return stored ?? {};
  return { codecs: probed.codecs.join(',') || undefined, width: probed.width, height: probed.height };
}

/** Two digits, rounded up: so that a peak that creeps up does not change the row each time. */
function roundedUp(bits: number): number | undefined {
  if (!(bits > 0)) return undefined;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(bits)) - 1);
  return Math.ceil(bits / unit) * unit;
}
