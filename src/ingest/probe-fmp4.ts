import { parseEsds, recordBoxes, type VideoEntry } from '../segment/codec.ts';
import { codecString } from '../segment/codec-string.ts';
import { ByteReader, boxesIn, findBox } from '../segment/reader.ts';
import type { Probed } from './describe.ts';

const visual = 78;
const audio = 28;
/** The sample entry that has the same record: those with parameter sets in the samples, too, have it. */
const knownEntry = (type: string): VideoEntry | undefined =>
  (({ avc1: 'avc1', avc3: 'avc1', hvc1: 'hvc1', hev1: 'hvc1', av01: 'av01' }) as const)[type];

function videoEntry(type: string, payload: Uint8Array): Probed {
  const fields = new ByteReader(payload);
  fields.skip(24);
  const [width, height] = [fields.u16(), fields.u16()];
  const entry = knownEntry(type);
  const record = entry && findBox(payload.subarray(visual), recordBoxes[entry]);
  const codec = entry && record && codecString({ kind: 'video', width, height, entry, record });
  return { codecs: codec === undefined ? [] : [codec], video: true, audio: false, width, height };
}

function audioEntry(type: string, payload: Uint8Array): Probed {
  const fields = new ByteReader(payload);
  fields.skip(16);
  const channels = fields.u16();
  const esds = type === 'mp4a' ? findBox(payload.subarray(audio), 'esds') : undefined;
  const codec = esds ? `mp4a.40.${parseEsds(esds).objectType}` : type.toLowerCase();
  return { codecs: [codec], video: false, audio: true, channels };
}

/** What an init segment says of its tracks. Undefined where it cannot be read: then the source's own word has to do. */
export function probeInit(init: Uint8Array): Probed | undefined {
  try {
    const tracks = [...boxesIn(findBox(init, 'moov') ?? new Uint8Array())].filter(
      ({ type }) => type === 'trak',
    );
    const entries = tracks.slice(0, 8).flatMap(({ payload }) => {
      const inside = ['mdia', 'minf', 'stbl', 'stsd'].reduce<Uint8Array | undefined>(
        (bytes, type) => bytes && findBox(bytes, type),
        payload,
      );
      const entry = inside && [...boxesIn(inside.subarray(8))][0];
      if (entry === undefined) return [];
      if (/^(avc|hvc|hev|av01|vp0|encv|dvh)/.test(entry.type)) return [videoEntry(entry.type, entry.payload)];
      return /^(mp4a|ac-3|ec-3|Opus|fLaC|enca)/.test(entry.type)
        ? [audioEntry(entry.type, entry.payload)]
        : [];
    });
    return joined(entries);
  } catch {
    return undefined;
  }
}

/** Several tracks as one rendition. */
export function joined(tracks: readonly Probed[]): Probed | undefined {
  if (tracks.length === 0) return undefined;
  const picture = tracks.find((track) => track.video);
  return {
    codecs: [...new Set(tracks.flatMap((track) => track.codecs))],
    video: picture !== undefined,
    audio: tracks.some((track) => track.audio),
    width: picture?.width,
    height: picture?.height,
    channels: tracks.find((track) => track.audio)?.channels,
  };
}
