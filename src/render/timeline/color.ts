/** 8-bit limited range BT.709, the colour space of every picture inside the graph. */
export interface Yuv {
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** The parts of `#rrggbb`. */
export function rgbOf(color: string): Rgb {
  const value = Number.parseInt(color.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

const byte = (value: number): number => Math.min(255, Math.max(0, Math.round(value)));

/** Luma weights: BT.709-6 (3.2) and BT.601-7 (2.5.1). */
const weights = { bt709: [0.2126, 0.0722], bt601: [0.299, 0.114] } as const;

/** RGB to limited range BT.709 (BT.709-6, 3.2 to 3.5). */
export function yuvOf([red, green, blue]: Rgb): Yuv {
  const [kr, kb] = weights.bt709;
  const luma = kr * red + (1 - kr - kb) * green + kb * blue;
  return {
    y: byte(16 + (219 / 255) * luma),
    u: byte(128 + ((224 / 255) * (blue - luma)) / (2 * (1 - kb))),
    v: byte(128 + ((224 / 255) * (red - luma)) / (2 * (1 - kr))),
  };
}

/**
 * The colour to ask drawtext for so that `color` is seen: drawtext always converts with BT.601, the picture is BT.709. A few
 * saturated colours lie outside what it can be asked for; they come out as near as possible. As `0xRRGGBB`.
 */
export function drawtextColor(color: string): string {
  const { y, u, v } = yuvOf(rgbOf(color));
  const [kr, kb] = weights.bt601;
  const luma = ((y - 16) * 255) / 219;
  const red = luma + (2 * (1 - kr) * (v - 128) * 255) / 224;
  const blue = luma + (2 * (1 - kb) * (u - 128) * 255) / 224;
  const green = (luma - kr * red - kb * blue) / (1 - kr - kb);
  return `0x${[red, green, blue].map((part) => byte(part).toString(16).padStart(2, '0')).join('')}`;
}

/** The colour at `at` (0 to 1) along a row of colours that lie evenly apart. */
export function mixed(colors: readonly Rgb[], at: number): Rgb {
  const place = Math.min(1, Math.max(0, at)) * (colors.length - 1);
  const before = Math.min(colors.length - 2, Math.floor(place));
  const [a, b] = [colors[before] ?? [0, 0, 0], colors[before + 1] ?? [0, 0, 0]];
  const share = place - before;
  const part = (index: 0 | 1 | 2) => a[index] + (b[index] - a[index]) * share;
  return [part(0), part(1), part(2)];
}
