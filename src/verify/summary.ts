import type { FetchedRendition } from './rendition.ts';
import type { RenditionReport } from './report.ts';
import { leadTrack } from './segment/facts.ts';
import { mediaSeconds } from './timeline.ts';

/** What the report says of a rendition. */
export function reportOn(rendition: FetchedRendition): RenditionReport {
  const { name, url, playlist, segments } = rendition;
  const facts = segments.find((segment) => segment.facts !== undefined)?.facts;
  const lead = leadTrack(facts);
  const codecs = (facts?.tracks ?? []).flatMap(({ codec }) => (codec === '' ? [] : [codec]));
  const sources: Record<string, number> = {};
  for (const { source } of segments) sources[source.name] = (sources[source.name] ?? 0) + 1;
  const byContainer = {
    webvtt: 'text',
    image: 'image',
    fmp4: 'unknown',
    ts: 'unknown',
    packed: 'audio',
  } as const;
  return {
    name,
    url,
    kind: lead?.kind ?? (facts === undefined ? 'unknown' : byContainer[facts.container]),
    container: facts?.container ?? null,
    codec: codecs.length > 0 ? codecs.join(',') : null,
    listed: playlist.segments.length,
    fetched: segments.length,
    bytes: segments.reduce((total, segment) => total + segment.bytes, 0),
    listedSeconds: round(playlist.segments.reduce((total, segment) => total + segment.duration, 0)),
    seconds: round(mediaSeconds(rendition)),
    sources,
    complete: playlist.complete,
    watch: rendition.watched ?? null,
    segments: segments.map(({ listed, facts: own, status, bytes, ms, source }) => {
      const track = leadTrack(own);
      return {
        n: listed.n,
        url: listed.url,
        status,
        bytes,
        ms,
        source,
        held: (own?.padding ?? 0) > 0,
        start: track === undefined ? null : round(track.start / track.timescale),
        duration: track === undefined ? null : round(track.duration / track.timescale),
      };
    }),
  };
}

const round = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;
