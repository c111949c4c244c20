import type { Expects, Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import { hasTag, type Line, valuesOf, wholeNumber } from './lines.ts';

/** Every feature that needs a version, of those that are used (RFC 8216 7, RFC 8216bis 8). */
function needs(lines: readonly Line[]): [number, string][] {
  const found: [number, string][] = [];
  const attributes = (tag: string): ReadonlyMap<string, string>[] =>
    valuesOf(lines, tag).map((value) => readAttributes(value).values);
  const add = (used: boolean, version: number, what: string): void => {
    if (used) found.push([version, what]);
  };
  const keys = attributes('EXT-X-KEY');
  add(
    keys.some((key) => key.has('IV')),
    2,
    'IV of EXT-X-KEY',
  );
  add(
    valuesOf(lines, 'EXTINF').some((value) => value.split(',', 1)[0]?.includes('.')),
    3,
    'decimal EXTINF',
  );
  add(hasTag(lines, 'EXT-X-BYTERANGE'), 4, 'EXT-X-BYTERANGE');
  add(hasTag(lines, 'EXT-X-I-FRAMES-ONLY'), 4, 'EXT-X-I-FRAMES-ONLY');
  add(
    keys.some((key) => key.has('KEYFORMAT') || key.has('KEYFORMATVERSIONS')),
    5,
    'KEYFORMAT',
  );
  add(hasTag(lines, 'EXT-X-MAP'), hasTag(lines, 'EXT-X-I-FRAMES-ONLY') ? 5 : 6, 'EXT-X-MAP');
  const media = attributes('EXT-X-MEDIA');
  add(
    media.some((one) => one.get('INSTREAM-ID')?.startsWith('SERVICE') === true),
    7,
    'INSTREAM-ID SERVICE',
  );
  const defines = attributes('EXT-X-DEFINE');
  add(defines.length > 0, 8, 'EXT-X-DEFINE');
  const skips = attributes('EXT-X-SKIP');
  add(skips.length > 0, 9, 'EXT-X-SKIP');
  add(
    skips.some((one) => one.has('RECENTLY-REMOVED-DATERANGES')),
    10,
    'RECENTLY-REMOVED-DATERANGES',
  );
  add(
    defines.some((one) => one.has('QUERYPARAM')),
    11,
    'QUERYPARAM',
  );
  const variants = [...attributes('EXT-X-STREAM-INF'), ...attributes('EXT-X-I-FRAME-STREAM-INF')];
  add(
    variants.some((one) => [...one.keys()].some((name) => name.startsWith('REQ-'))),
    12,
    'REQ- attributes',
  );
  return found;
}

/** Checks EXT-X-VERSION against everything that is used. Without the tag the version is 1. */
export function checkVersion(lines: readonly Line[], place: Place, findings: Expects): void {
  const version = wholeNumber(valuesOf(lines, 'EXT-X-VERSION')[0] ?? '1') ?? 1;
  const unmet = needs(lines)
    .filter(([need]) => version < need)
    .sort(([a], [b]) => a - b)
    .at(-1);
  findings.expect('m3u8.version', place, unmet && `version ${version}, but ${unmet[1]} needs ${unmet[0]}`);
}
