import type { SegmentSizes } from '../catalog/sizes.ts';
import type { SubtitleTrack } from '../description/subtitles.ts';
import type { FrameRate, Grid } from '../grid/grid.ts';
import { type ListedTrack, mediaPlaylist, wholePlaylist } from '../hls/media.ts';
import { type ListedRendition, multivariantPlaylist } from '../hls/multivariant.ts';
import { renditionRates } from '../hls/rates.ts';
import { thumbnailList, webvttText } from '../hls/webvtt.ts';
import type { Rendition } from '../render/profile.ts';
import { mediaType, posterName, thumbnailsName } from '../rendition/kind.ts';
import type { NewObject } from '../store/bucket.ts';
import {
  immutable,
  initName,
  mediaPlaylistName,
  momentary,
  multivariantName,
  playlistType,
  segmentName,
  thumbnailListName,
} from '../store/names.ts';

/** A render of which the bucket has every segment of these renditions. */
export interface CompleteRender {
  readonly renderId: string;
  readonly grid: Grid;
  readonly frameRate: FrameRate;
  readonly renditions: readonly Rendition[];
  readonly inits: ReadonlyMap<string, Uint8Array>;
  readonly sizes: ReadonlyMap<string, SegmentSizes>;
  readonly subtitles: readonly SubtitleTrack[];
}

const webvttType = mediaType({ kind: 'subtitles', container: 'webvtt' });

/**
 * Everything beside the segments that the bucket needs to play a render alone, the multivariant playlist last: who finds it finds
 * all that it names, and it alone replaces what is stored. Pure: the same render gives the same bytes.
 */
export function* sealedObjects(render: CompleteRender): Generator<NewObject> {
  const { renderId, grid, renditions, subtitles } = render;
  const text = (key: string, body: string, contentType: string): NewObject => ({
    key,
    data: Buffer.from(body),
    contentType,
    cacheControl: immutable,
  });
  for (const rendition of renditions) {
    const { name } = rendition;
    const init = render.inits.get(name);
    if (init !== undefined && rendition.container === 'fmp4') {
      const data = Buffer.from(init);
      yield {
        key: initName(renderId, name),
        data,
        contentType: mediaType(rendition),
        cacheControl: immutable,
      };
    }
    if (name !== posterName)
      yield text(mediaPlaylistName(renderId, name), media(grid, rendition), playlistType);
    if (name === thumbnailsName)
      yield text(
        thumbnailListName(renderId),
        thumbnailList(grid, (n) => `${name}/${n}.jpg`),
        webvttType,
      );
  }
  for (const { name, cues } of subtitles) {
    // One object, not one a segment: a put costs more than the text that it carries.
    yield text(segmentName(renderId, name, 0, 'webvtt'), webvttText(cues), webvttType);
    yield text(mediaPlaylistName(renderId, name), wholePlaylist(grid, '0.vtt'), playlistType);
  }
  yield {
    ...text(multivariantName(renderId), multivariant(render), playlistType),
    // A session reads it once, so it may gain the renditions that are made on demand.
    cacheControl: momentary,
    replaces: true,
  };
}

/** Everything is listed by names relative to the playlist, which lies beside the segments. */
const media = (grid: Grid, track: ListedTrack): string =>
  mediaPlaylist({ grid, track, sealed: 0, sealedUrl: String, mode: { type: 'vod' } });

function multivariant({ grid, frameRate, renditions, sizes, subtitles }: CompleteRender): string {
  const encoded = renditions
    .filter(({ name }) => name !== posterName)
    .map((rendition): ListedRendition => {
      const { kind, name, codecs, bandwidth, averageBandwidth } = rendition;
      const rates = renditionRates(grid, kind, sizes.get(name) ?? []) ?? { bandwidth, averageBandwidth };
      const common = { path: name, codecs, ...rates };
      if (kind === 'audio') return { ...common, kind, channels: 2 };
      return { ...common, kind, width: rendition.width, height: rendition.height };
    });
  const texts = subtitles.map(
    ({ name, title, language }): ListedRendition => ({ kind: 'subtitles', path: name, title, language }),
  );
  return multivariantPlaylist({
    renditions: [...encoded, ...texts],
    frameRate,
    sealedByRendition: {},
    mode: 'vod',
    mediaUri: (path) => `${path}/media.m3u8`,
  });
}
