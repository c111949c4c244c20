import { sizeText } from '../size-text.ts';

/** How long ago a moment is, in one unit: `now`, `12s`, `5m`, `3h`, `2d`. `at` as in ISO 8601, `now` in milliseconds. */
export function age(at: string, now: number): string {
  const seconds = (now - Date.parse(at)) / 1000;
  if (seconds < 1) return 'now';
  if (seconds < 90) return `${Math.floor(seconds)}s`;
  if (seconds < 5400) return `${Math.floor(seconds / 60)}m`;
  return seconds < 129_600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** Length of media: `2:03`, `1:02:03`; `-` where it is not known. Seconds. */
export function length(seconds: number | null): string {
  if (seconds === null) return '-';
  const whole = Math.round(seconds);
  const two = (number: number): string => String(number).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Media at risk: `0 s`, `4.2 s`, `95 s`, `12 min`, `3.5 h`. Seconds. */
export function risk(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** `1.2 MB/s`; `0` where nothing goes. */
export const rate = (bytesPerSecond: number): string =>
  bytesPerSecond === 0 ? '0' : `${sizeText(bytesPerSecond)}/s`;

/** A part of 1 as `42%`; `-` where it is not known. */
export const percent = (part: number | undefined): string =>
  part === undefined ? '-' : `${Math.round(part * 100)}%`;

/** `1 node`, `2 nodes`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** `3 ready, 1 dead`: what there is of each, in this order, or `none`. */
export function tally(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).filter(([, count]) => count > 0);
  return parts.length === 0 ? 'none' : parts.map(([name, count]) => `${count} ${name}`).join(', ');
}
