/** One line of a playlist: a tag with its value (empty when it has none), or a URI. Comments and empty lines are left out. */
export type Line =
  | { readonly kind: 'tag'; readonly number: number; readonly name: string; readonly value: string }
  | { readonly kind: 'uri'; readonly number: number; readonly uri: string };

/** A line with a tag. */
export type Tag = Extract<Line, { kind: 'tag' }>;

/** Splits a playlist into lines (RFC 8216 4.1). Numbers count from 1. */
export function readLines(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((line, index): Line[] => {
    const number = index + 1;
    if (line === '') return [];
    if (!line.startsWith('#')) return [{ kind: 'uri', number, uri: line }];
    if (!line.startsWith('#EXT')) return [];
    const colon = line.indexOf(':');
    return [
      colon < 0
        ? { kind: 'tag', number, name: line.slice(1), value: '' }
        : { kind: 'tag', number, name: line.slice(1, colon), value: line.slice(colon + 1) },
    ];
  });
}

/** Every tag of this name, in order. */
export function tagsOf(lines: readonly Line[], name: string): Tag[] {
  return lines.flatMap((line) => (line.kind === 'tag' && line.name === name ? [line] : []));
}

/** Values of every tag of this name, in order. */
export const valuesOf = (lines: readonly Line[], name: string): string[] =>
  tagsOf(lines, name).map(({ value }) => value);

/** Whether some tag has this name. */
export const hasTag = (lines: readonly Line[], name: string): boolean =>
  lines.some((line) => line.kind === 'tag' && line.name === name);

/** A whole number of a playlist (RFC 8216 4.2: decimal-integer); undefined where it is none. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : undefined;
}

/** Resolves a URI of a playlist (RFC 3986 5.2); undefined unless it is http(s) or a `data:` URI. */
export function resolve(uri: string, base: string): string | undefined {
  if (!URL.canParse(uri, base)) return undefined;
  const { href, protocol } = new URL(uri, base);
  return /^(https?|data):$/.test(protocol) ? href : undefined;
}
