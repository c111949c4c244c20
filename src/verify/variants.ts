import { checkBandwidth } from './bandwidth.ts';
import { codecProblem } from './codecs.ts';
import type { Compared } from './compared.ts';
import { hasTag } from './playlist/lines.ts';
import type { ListedRendition } from './playlist/multivariant.ts';
import type { FetchedRendition } from './rendition.ts';
import type { Findings } from './report.ts';
import { leadTrack } from './segment/facts.ts';

/** Checks what the multivariant playlist announces against what was fetched. */
export function checkVariants(all: readonly Compared[], findings: Findings): void {
  checkAlike(all, findings);
  const variants = all.filter(({ listed }) => listed.type === 'variant');
  for (const variant of variants) {
    const audio = membersOf(variant, 'audio', all);
    const video = membersOf(variant, 'video', all);
    const { listed, fetched } = variant;
    for (const one of [variant, ...audio, ...video]) checkCodecs(listed, one.fetched, findings);
    checkPicture(variant, findings);
    checkBandwidth(variant, audio, findings);
    const only = fetched.playlist.iframesOnly && 'a variant lists an EXT-X-I-FRAMES-ONLY playlist';
    findings.expect('iframe.only', fetched.place, only);
    const tracks = fetched.segments[0]?.facts?.tracks ?? [];
    const isMuxed = new Set(tracks.map(({ kind }) => kind)).size > 1;
    findings.expect(
      'variant.muxed',
      listed.place,
      isMuxed && `${fetched.name} has ${tracks.map(({ kind }) => kind).join(' and ')}`,
    );
  }
  checkLadder(all, findings);
}

/** Renditions of the group that a variant names. */
function membersOf(
  { listed }: Compared,
  type: 'audio' | 'video' | 'subtitles',
  all: readonly Compared[],
): Compared[] {
  const group = listed.attributes.get(type.toUpperCase());
  return all.filter((one) => one.listed.type === type && group !== undefined && one.listed.group === group);
}

/** What all media playlists share (RFC 8216 6.2.4). */
function checkAlike(all: readonly Compared[], findings: Findings): void {
  const lists = [...new Set(all.map(({ fetched }) => fetched))].filter(({ type }) => type !== 'images');
  if (lists.length < 2) return;
  // VOD subtitles and I-frames may have other target durations.
  const strict = lists.filter(
    ({ type, playlist }) => playlist.type !== 'VOD' || (type !== 'subtitles' && type !== 'iframes'),
  );
  const place = { where: 'multivariant' };
  const differ = (
    of: (one: FetchedRendition) => unknown,
    some: readonly FetchedRendition[],
  ): string | false =>
    new Set(some.map(of)).size > 1 && some.map((one) => `${one.name} ${String(of(one))}`).join(', ');
  findings.expect(
    'variant.targetduration',
    place,
    differ(({ playlist }) => playlist.targetDuration, strict),
  );
  findings.expect(
    'variant.type',
    place,
    differ(({ playlist }) => playlist.type ?? 'none', lists),
  );
  const dated = (one: FetchedRendition): string =>
    hasTag(one.playlist.lines, 'EXT-X-PROGRAM-DATE-TIME') ? 'has dates' : 'has none';
  findings.expect('variant.dates', place, differ(dated, lists));
}

function checkCodecs(listed: ListedRendition, fetched: FetchedRendition, findings: Findings): void {
  if (listed.codecs.length === 0) return;
  const seen = new Set<string>();
  for (const { facts } of fetched.segments) {
    for (const { codec } of facts?.tracks ?? []) {
      if (codec === '' || facts === undefined || seen.has(codec)) continue;
      seen.add(codec);
      findings.expect('variant.codecs', fetched.place, codecProblem(codec, listed.codecs, facts.container));
    }
  }
}

function checkPicture({ listed, fetched: { segments, place } }: Compared, findings: Findings): void {
  const lead = leadTrack(segments.find(({ facts }) => facts !== undefined)?.facts);
  if (lead?.kind !== 'video') return;
  const { resolution, frameRate } = listed;
  if (resolution !== undefined && lead.width > 0) {
    const [width, height] = resolution;
    const same = lead.width === width && lead.height === height;
    const told = `it is ${lead.width}x${lead.height}, RESOLUTION says ${width}x${height}`;
    findings.expect('variant.resolution', place, !same && told);
  }
  if (frameRate !== undefined && lead.frameRate !== undefined) {
    const off = Math.abs(lead.frameRate - frameRate) > 0.01 * frameRate;
    findings.expect(
      'variant.framerate',
      place,
      off && `it is ${lead.frameRate.toFixed(3)}, FRAME-RATE says ${frameRate}`,
    );
  }
}

/** What Apple wants of the whole: several bit rates, I-frames, one shape. */
function checkLadder(all: readonly Compared[], findings: Findings): void {
  const place = { where: 'multivariant' };
  const of = (type: string): Compared[] => all.filter(({ listed }) => listed.type === type);
  const sizes = of('variant').flatMap(({ listed }) =>
    listed.resolution === undefined ? [] : [listed.resolution],
  );
  const rates = new Set(of('variant').map(({ listed }) => listed.bandwidth));
  if (sizes.length > 0) {
    const missing = [
      rates.size < 2 && 'one bit rate only',
      of('iframes').length === 0 && 'no I-frames',
    ].filter((one) => one !== false);
    findings.expect('variant.several', place, missing.length > 0 && missing.join(', '));
  }
  const shapes = sizes.map(([width, height]) => width / height);
  const apart = Math.max(...shapes) / Math.min(...shapes) > 1.02;
  if (shapes.length > 1)
    findings.expect('variant.aspect', place, apart && sizes.map((size) => size.join('x')).join(', '));
}
