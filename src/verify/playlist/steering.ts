import { atLine, type Expects, type Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import { type Line, resolve, tagsOf } from './lines.ts';
import type { ListedRendition } from './multivariant.ts';

/** Where the steering manifest is. */
export interface Steering {
  readonly url: string;
  readonly place: Place;
}

const pathwayOf = ({ attributes }: ListedRendition): string => attributes.get('PATHWAY-ID') ?? '.';
const variantsOf = (renditions: readonly ListedRendition[]): readonly ListedRendition[] =>
  renditions.filter(({ type }) => type === 'variant');

/** Checks EXT-X-CONTENT-STEERING and the pathways of the variants (RFC 8216bis 4.4.6.6). Undefined where there is none. */
export function checkSteeringTag(
  lines: readonly Line[],
  renditions: readonly ListedRendition[],
  place: Place,
  findings: Expects,
): Steering | undefined {
  const [tag] = tagsOf(lines, 'EXT-X-CONTENT-STEERING');
  if (tag === undefined) return undefined;
  const at = atLine(place, tag.number);
  const { values } = readAttributes(tag.value);
  const variants = variantsOf(renditions);
  const pathways = new Set(variants.map(pathwayOf));
  const first = values.get('PATHWAY-ID');
  const uri = values.get('SERVER-URI');
  const url = uri === undefined ? undefined : resolve(uri, place.url ?? '');
  let problem: string | undefined;
  if (url === undefined) problem = 'SERVER-URI is missing, or no http(s) URI';
  else if (first !== undefined && !pathways.has(first))
    problem = `PATHWAY-ID "${first}" is that of no variant`;
  else if (first === undefined && !pathways.has('.')) problem = 'PATHWAY-ID is missing (Apple 9.18)';
  findings.expect('steering.tag', at, problem);
  checkSame(variants, pathways, at, findings);
  return url === undefined ? undefined : { url, place: at };
}

const compared = [
  'BANDWIDTH',
  'AVERAGE-BANDWIDTH',
  'CODECS',
  'RESOLUTION',
  'FRAME-RATE',
  'VIDEO-RANGE',
  'SCORE',
];

function checkSame(
  variants: readonly ListedRendition[],
  pathways: ReadonlySet<string>,
  at: Place,
  findings: Expects,
): void {
  const of = (pathway: string): string =>
    variants
      .filter((one) => pathwayOf(one) === pathway)
      .map(({ attributes }) => compared.map((name) => attributes.get(name) ?? '-').join(' '))
      .sort()
      .join('; ');
  const [first, ...others] = [...pathways];
  for (const other of others) {
    const told = `pathway ${other} has ${of(other)}, pathway ${first} has ${of(first ?? '')}`;
    findings.expect('steering.same', at, of(other) !== of(first ?? '') && told);
  }
}

/** Checks a steering manifest (RFC 8216bis 7.1). `body` is what the server answered. */
export function checkSteeringManifest(
  body: Uint8Array,
  { url }: Steering,
  renditions: readonly ListedRendition[],
  findings: Expects,
): void {
  const place = { where: 'steering manifest', url };
  const manifest = parse(body);
  if (manifest === undefined) {
    findings.expect('steering.manifest', place, 'it is no JSON object');
    return;
  }
  const { VERSION: version, TTL: ttl, 'RELOAD-URI': reload } = manifest;
  const priority = manifest['PATHWAY-PRIORITY'];
  const clones = manifest['PATHWAY-CLONES'];
  const listed = Array.isArray(priority) ? priority : [];
  let problem: string | undefined;
  if (version !== 1) problem = `VERSION is ${JSON.stringify(version)}, not 1`;
  else if (typeof ttl !== 'number' || !(ttl > 0))
    problem = `TTL is ${JSON.stringify(ttl)}, no number of seconds`;
  else if (reload !== undefined && (typeof reload !== 'string' || resolve(reload, url) === undefined))
    problem = `RELOAD-URI is ${JSON.stringify(reload)}`;
  else if (listed.length === 0 || listed.some((one) => typeof one !== 'string'))
    problem = `PATHWAY-PRIORITY is ${JSON.stringify(priority)}, no list of names`;
  findings.expect('steering.manifest', place, problem);
  const cloned = Array.isArray(clones) ? clones.map((one) => (isObject(one) ? one['ID'] : undefined)) : [];
  const known = new Set<unknown>([...variantsOf(renditions).map(pathwayOf), ...cloned]);
  const strange = listed.filter((one) => !known.has(one));
  const twice = new Set(listed).size !== listed.length;
  const told =
    strange.length > 0 ? `${strange.join(', ')} is no pathway of the playlist` : twice && 'one stands twice';
  if (listed.length > 0) findings.expect('steering.pathways', place, told);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
