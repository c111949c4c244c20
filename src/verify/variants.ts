import type { ListedRendition } from './multivariant.ts';
import type { FetchedRendition } from './rendition.ts';
import type { Findings } from './report.ts';

/** A rendition as it is announced and as it is. */
export interface Compared {
  readonly listed: ListedRendition;
  readonly fetched: FetchedRendition;
}

/** Checks what the multivariant playlist announces against what was fetched. `sampled` leaves out what needs every segment. */
export function checkVariants(all: readonly Compared[], sampled: boolean, findings: Findings): void {
  const targets = new Map(all.map(({ fetched }) => [fetched.name, fetched.playlist.targetDuration]));
  const different = new Set(targets.values()).size > 1;
  const told = [...targets].map(([name, target]) => `${name} ${target}`).join(', ');
  if (all.length > 1) findings.expect('variant.targetduration', 'multivariant', different && told);
  for (const variant of all) {
    if (variant.listed.type !== 'variant') continue;
    const audio = all.filter(
      ({ listed }) => listed.type === 'audio' && listed.group === variant.listed.group,
    );
    checkCodecs(variant, audio, findings);
    checkSize(variant, findings);
    if (!sampled) checkBandwidth(variant, audio, findings);
  }
}

function checkCodecs({ listed, fetched }: Compared, audio: readonly Compared[], findings: Findings): void {
  if (listed.codecs.length === 0) return;
  for (const { track, name } of [fetched, ...audio.map((one) => one.fetched)]) {
    if (track === undefined) continue;
    const announced = listed.codecs.some((codec) => codec.toLowerCase() === track.codec.toLowerCase());
    const known = track.codec.includes('.');
    // Where only the sample entry is known, its four characters must be announced.
    const family = listed.codecs.some((codec) => codec.startsWith(track.codec));
    findings.expect(
      'variant.codecs',
      name,
      !(known ? announced : family) && `it is ${track.codec}, CODECS say ${listed.codecs.join(',')}`,
    );
  }
}

function checkSize({ listed, fetched: { track, name } }: Compared, findings: Findings): void {
  if (listed.resolution === undefined || track === undefined) return;
  const [width, height] = listed.resolution;
  const same = track.width === width && track.height === height;
  findings.expect(
    'variant.resolution',
    name,
    !same && `it is ${track.width}x${track.height}, RESOLUTION says ${width}x${height}`,
  );
}

function checkBandwidth({ listed, fetched }: Compared, audio: readonly Compared[], findings: Findings): void {
  if (listed.bandwidth === undefined) return;
  const peak = peakBitRate(fetched) + Math.max(0, ...audio.map((one) => peakBitRate(one.fetched)));
  findings.expect(
    'variant.bandwidth',
    fetched.name,
    peak > listed.bandwidth &&
      `peak is ${Math.ceil(peak)} bit/s with sound, BANDWIDTH says ${listed.bandwidth}`,
  );
}

/** Peak segment bit rate (RFC 8216 4.1): the most of any run of segments that lasts half to one and a half target durations. */
function peakBitRate({ segments, playlist }: FetchedRendition): number {
  const target = playlist.targetDuration;
  let peak = 0;
  for (let from = 0; from < segments.length; from += 1) {
    let bits = 0;
    let seconds = 0;
    for (const { bytes, listed, facts } of segments.slice(from)) {
      bits += (bytes - 8 * (facts?.leadingFree ?? 0)) * 8;
      seconds += listed.duration;
      if (seconds > 1.5 * target) break;
      if (seconds >= 0.5 * target) peak = Math.max(peak, bits / seconds);
    }
  }
  return peak;
}
