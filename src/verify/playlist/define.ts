import { atLine, type Expects, type Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import type { Line } from './lines.ts';

/** Values by variable name. */
export type Variables = ReadonlyMap<string, string>;

const reference = /\{\$([a-zA-Z0-9_-]+)\}/g;
/** Characters that substitution puts into a line, and into a playlist: a variable can hold a long text. */
const most = { line: 65_536, whole: 16 << 20 } as const;

/**
 * Replaces `{$name}` in URIs and attribute values by what EXT-X-DEFINE says (RFC 8216bis 4.3). `imports` are the variables of
 * the multivariant playlist.
 */
export function substitute(
  lines: readonly Line[],
  imports: Variables,
  place: Place,
  findings: Expects,
): { lines: Line[]; variables: Variables } {
  const variables = new Map<string, string>();
  let total = 0;
  const replaced = lines.map((line): Line => {
    const at = atLine(place, line.number);
    if (line.kind === 'tag' && line.name === 'EXT-X-DEFINE') {
      findings.expect('m3u8.define', at, define(line.value, variables, imports, place.url));
      return line;
    }
    const text = line.kind === 'uri' ? line.uri : line.value;
    if (!text.includes('{$')) return line;
    const missing: string[] = [];
    let added = 0;
    const result = text.replaceAll(reference, (whole, name: string) => {
      const value = variables.get(name);
      if (value === undefined) missing.push(name);
      added += value?.length ?? 0;
      return value === undefined || added > most.line || total + added > most.whole ? whole : value;
    });
    const told = missing.length > 0 && `{$${missing.join('}, {$')}} is not defined`;
    const long = added > most.line || total + added > most.whole;
    findings.expect('m3u8.define', at, long ? `${added} characters come of it, which is too much` : told);
    if (long) return line;
    total += added;
    return line.kind === 'uri' ? { ...line, uri: result } : { ...line, value: result };
  });
  return { lines: replaced, variables };
}

function define(
  value: string,
  variables: Map<string, string>,
  imports: Variables,
  url: string | undefined,
): string | undefined {
  const { values } = readAttributes(value);
  const name = values.get('NAME') ?? values.get('IMPORT') ?? values.get('QUERYPARAM');
  if (name === undefined) return 'it has neither NAME nor IMPORT nor QUERYPARAM';
  if (variables.has(name)) return `${name} is defined twice`;
  const query = url !== undefined && URL.canParse(url) ? new URL(url).searchParams : new URLSearchParams();
  let found = values.get('VALUE');
  if (values.has('IMPORT')) found = imports.get(name);
  if (values.has('QUERYPARAM')) found = query.get(name) ?? undefined;
  if (found === undefined) return `${name} has no value`;
  variables.set(name, found);
  return undefined;
}
