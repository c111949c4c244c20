import { SegueError } from '../ops/errors.ts';

/** Seconds of a time as people write it: `90`, `90s`, `5m`, `24h` (the most). @throws SegueError `configuration` */
export function secondsOf(option: string, text: string): number {
  const [, number = '', unit = 's'] = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text.trim()) ?? [];
  const seconds = Number(number) * ({ s: 1, m: 60, h: 3600 }[unit] ?? 1);
  if (number !== '' && seconds <= 86_400) return seconds;
  throw new SegueError('configuration', `${option} ${text} is no time`, {
    hint: 'As in 90s or 5m; 24h at most.',
  });
}
