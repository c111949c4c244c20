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

/**
 * Everything known of a rendition: the source's word first, then what its segments show. `peak`: most bits per second of a
 * segment so far, which stands for BANDWIDTH where the source gives none.
 */
export function describe(
  source: string,
  entry: SourceRendition | undefined,
  probed: Probed | undefined,
  peak: number,
): Described {
  const kind: RenditionKind = probed?.audio === true && !probed.video ? 'audio' : 'video';
  const said: Described =
    entry === undefined ? { kind, attributes: { source, role: 'variant' } } : describedBy(entry);
  const { attributes } = said;
  const isVariant = attributes.role === 'variant';
  return {
    kind: said.kind,
    attributes: {
      ...attributes,
      codecs: attributes.codecs ?? (isVariant ? probed?.codecs.join(',') || undefined : undefined),
      bandwidth: attributes.bandwidth ?? roundedUp(peak),
      width: attributes.width ?? (isVariant ? probed?.width : undefined),
      height: attributes.height ?? (isVariant ? probed?.height : undefined),
      channels: attributes.channels ?? (said.kind === 'audio' ? probed?.channels?.toString() : undefined),
    },
  };
}

/** Two digits, rounded up: so that a peak that creeps up does not change the row each time. */
function roundedUp(bits: number): number | undefined {
  if (!(bits > 0)) return undefined;
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(bits)) - 1);
  return Math.ceil(bits / unit) * unit;
}
