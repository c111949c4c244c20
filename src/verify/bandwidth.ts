import type { Compared } from './compared.ts';
import type { FetchedRendition } from './rendition.ts';
import type { Findings } from './report.ts';

/** Bits a second of a rendition: the peak of RFC 8216 4.1, and the average. */
export interface BitRates {
  readonly peak: number;
  readonly average: number;
}

/** Measures a rendition; undefined unless every segment was fetched. */
export function ratesOf({ segments, playlist }: FetchedRendition): BitRates | undefined {
  if (segments.length === 0 || segments.length !== playlist.segments.filter(({ gap }) => !gap).length)
    return undefined;
  if (segments.some(({ listed }) => listed.extinf === '')) return undefined;
  const sizes = segments.map(({ bytes, facts }) => (bytes - (facts?.padding ?? 0)) * 8);
  const bits = sizes.reduce((total, size) => total + size, 0);
  const seconds = segments.reduce((total, { listed }) => total + listed.duration, 0);
  if (seconds <= 0) return undefined;
  const average = bits / seconds;
  return {
    average,
    peak:
      peakOf(
        sizes,
        segments.map(({ listed }) => listed.duration),
        playlist.targetDuration,
      ) ?? average,
  };
}

/** The most of any run of segments that lasts half to one and a half target durations; undefined where there is none. */
function peakOf(sizes: readonly number[], durations: readonly number[], target: number): number | undefined {
  let peak: number | undefined;
  for (let from = 0; from < sizes.length; from += 1) {
    let bits = 0;
    let seconds = 0;
    for (let at = from; at < sizes.length; at += 1) {
      bits += sizes[at] ?? 0;
      seconds += durations[at] ?? 0;
      if (seconds > 1.5 * target || at - from > 1000) break;
      if (seconds > 0 && seconds >= 0.5 * target) peak = Math.max(peak ?? 0, bits / seconds);
    }
  }
  return peak;
}

/** Checks BANDWIDTH and AVERAGE-BANDWIDTH of a variant with the heaviest of its groups (RFC 8216 4.3.4.2, Apple 1.26 to 1.30). */
export function checkBandwidth(
  { listed, fetched }: Compared,
  groups: readonly Compared[],
  findings: Findings,
): void {
  const own = ratesOf(fetched);
  const others = groups.filter((one) => one.fetched.url !== fetched.url).map((one) => ratesOf(one.fetched));
  if (own === undefined || others.some((rates) => rates === undefined)) return;
  const sum = (of: keyof BitRates): number =>
    Math.ceil(own[of] + Math.max(0, ...others.map((rates) => rates?.[of] ?? 0)));
  const [peak, average] = [sum('peak'), sum('average')];
  const { place } = listed;
  const isComplete = fetched.playlist.complete;
  const { bandwidth, averageBandwidth } = listed;
  const name = fetched.name;
  if (bandwidth !== undefined) {
    const told = `peak of ${name} is ${peak} bit/s with its groups, BANDWIDTH says ${bandwidth}`;
    if (isComplete) findings.expect('variant.bandwidth', place, peak > bandwidth && told);
    const off = isComplete ? peak < 0.9 * bandwidth : peak > 1.25 * bandwidth;
    findings.expect('variant.peak', place, off && told);
  }
  if (averageBandwidth !== undefined && isComplete) {
    const off = Math.abs(average - averageBandwidth) > 0.1 * averageBandwidth;
    const told = `average of ${name} is ${average} bit/s with its groups, AVERAGE-BANDWIDTH says ${averageBandwidth}`;
    findings.expect('variant.mean', place, off && told);
  }
  if (isComplete)
    findings.expect('variant.burst', place, peak > 2 * average && `${peak} bit/s, the average is ${average}`);
}
