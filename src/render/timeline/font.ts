import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** Fonts that a description can name. */
export type FontName = 'sans' | 'sans-bold' | 'serif' | 'mono';

/** A font file and what its tables say, in parts of the text size. */
export interface Font {
  /** Absolute path of the TrueType file. */
  readonly path: string;
  /** Height of the baseline below the top of a line. */
  readonly ascent: number;
  /** Height of a line. */
  readonly lineHeight: number;
  /** How far a code point moves the pen; that of the missing glyph where the font lacks it. */
  readonly advance: (codePoint: number) => number;
}

/** Tables of a TrueType file by tag (OpenType 1.9, "Organization of an OpenType font"). */
function tablesOf(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const tables = new Map<string, Buffer>();
  for (let at = 12; at < 12 + 16 * bytes.readUInt16BE(4); at += 16) {
    const start = bytes.readUInt32BE(at + 8);
    // A copy, so that the rest of the file is not kept in memory.
    const table = Buffer.from(bytes.subarray(start, start + bytes.readUInt32BE(at + 12)));
    tables.set(bytes.toString('latin1', at, at + 4), table);
  }
  return tables;
}

/** Glyph of a code point of the basic plane by a `cmap` subtable of format 4; 0 where there is none. */
function glyphIn(table: Buffer, codePoint: number): number {
  const twice = table.readUInt16BE(6);
  for (let at = 0; at < twice; at += 2) {
    if (table.readUInt16BE(14 + at) < codePoint) continue;
    const start = table.readUInt16BE(16 + twice + at);
    if (start > codePoint) return 0;
    const delta = table.readUInt16BE(16 + 2 * twice + at);
    const offsetAt = 16 + 3 * twice + at;
    const offset = table.readUInt16BE(offsetAt);
    if (offset === 0) return (codePoint + delta) & 0xffff;
    const glyph = table.readUInt16BE(offsetAt + offset + 2 * (codePoint - start));
    return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
  }
  return 0;
}

function basicPlane(cmap: Buffer): Buffer {
  for (let at = 4; at < 4 + 8 * cmap.readUInt16BE(2); at += 8) {
    const subtable = cmap.subarray(cmap.readUInt32BE(at + 4));
    if (subtable.readUInt16BE(0) === 4) return subtable;
  }
  throw new TypeError('The font has no character map of the basic plane');
}

/**
 * Reads the measures of a TrueType font.
 * @throws TypeError when a table that every such font has is missing
 */
export function readFont(path: string): Font {
  const tables = tablesOf(readFileSync(path));
  const table = (tag: string): Buffer => {
    const found = tables.get(tag);
    if (found === undefined) throw new TypeError(`The font ${path} has no table ${tag}`);
    return found;
  };
  const em = table('head').readUInt16BE(18);
  const header = table('hhea');
  const [ascent, descent] = [header.readInt16BE(4) / em, -header.readInt16BE(6) / em];
  const metrics = table('hmtx');
  const lastMetric = header.readUInt16BE(34) - 1;
  const characters = basicPlane(table('cmap'));
  return {
    path,
    ascent,
    lineHeight: ascent + descent,
    advance: (codePoint) => {
      const glyph = codePoint > 0xffff ? 0 : glyphIn(characters, codePoint);
      return metrics.readUInt16BE(4 * Math.min(glyph, lastMetric)) / em;
    },
  };
}

const files: Readonly<Record<FontName, string>> = {
  sans: 'DejaVuSans.ttf',
  'sans-bold': 'DejaVuSans-Bold.ttf',
  serif: 'DejaVuSerif.ttf',
  mono: 'DejaVuSansMono.ttf',
};

/** The fonts of the npm package `dejavu-fonts-ttf`, read when first asked for. */
export function dejavuFonts(): (name: FontName) => Font {
  const require = createRequire(import.meta.url);
  const read = new Map<FontName, Font>();
  return (name) => {
    const font = read.get(name) ?? readFont(require.resolve(`dejavu-fonts-ttf/ttf/${files[name]}`));
    read.set(name, font);
    return font;
  };
}
