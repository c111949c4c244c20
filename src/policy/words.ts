/** A figure with as many digits as say something: 0.00123, 1.2, 123. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'no end of' : String(value);
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(size >= 1 ? 3 : 2)));
}

/** Money, in whatever currency the prices are. */
export const money = (value: number): string => {
  if (value === 0) return '0';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 0.1 ? 2 : Math.min(12, 1 - Math.floor(Math.log10(size)));
  return value.toFixed(digits);
};

/** Part of a whole. */
export const percent = (part: number): string => `${figure(Math.round(part * 1000) / 10)} %`;

/** A time in a unit that people would use. */
export function seconds(value: number): string {
  if (value < 120) return `${figure(Math.round(value * 10) / 10)} s`;
  if (value < 2 * 3600) return `${figure(Math.round(value / 60))} min`;
  if (value < 2 * 86_400) return `${figure(Math.round(value / 360) / 10)} h`;
  return `${figure(Math.round(value / 8640) / 10)} days`;
}

/** Bytes in a unit that people would use (powers of ten). */
export function bytes(value: number): string {
  for (const [unit, size] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const)
    if (value >= size) return `${figure(value / size)} ${unit}`;
  return `${figure(value)} bytes`;
}

/** `1 viewer`, `3 viewers`. */
export const times = (count: number, noun: string): string =>
  `${figure(count)} ${noun}${count === 1 ? '' : 's'}`;
