/** ffmpeg options from their names and values. */
export function options(values: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`-${name}`, String(value)]);
}

/**
 * Colours as every encoder is told them. ffmpeg sets the encoder's own fields from the first frame that it gets, and then
 * the sequence parameters would depend on which clip a segment begins with.
 */
export const bt709 = {
  color_primaries: 'bt709',
  color_trc: 'bt709',
  colorspace: 'bt709',
  color_range: 'tv',
} as const;
