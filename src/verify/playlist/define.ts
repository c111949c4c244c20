import { atLine, type Findings, type Place } from '../report.ts';
import { readAttributes } from './attributes.ts';
import type { Line } from './lines.ts';

/** Values by variable name. */
export type Variables = ReadonlyMap<string, string>;

const reference = /\{\$([a-zA-Z0-9_-]+)\}/g;
/** Characters of a line after substitution: a variable can hold a long text. */
const maxLine = 65_536;

/**
 * Replaces `{$name}` in URIs and attribute values by what EXT-X-DEFINE says (RFC 8216bis 4.3). `imports` are the variables of
 * the multivariant playlist.
 */
export function substitute(
  lines: readonly Line[],
  imports: Variables,
  place: Place,
  findings: Findings,
): { lines: Line[]; variables: Variables } {
  const variables = new Map<string, string>();
  const replaced = lines.map((line): Line => {
    const at = atLine(place, line.number);
    if (line.kind === 'tag' && line.name === 'EXT-X-DEFINE') {
      findings.expect('m3u8.define', at, define(line.value, variables, imports, place.url));
      return line;
    }
    const text = line.kind === 'uri' ? line.uri : line.value;
    if (!text.includes('{$')) return line;
    const missing: string[] = [];
    const result = text.replaceAll(reference, (whole, name: string) => {
      const value = variables.get(name);
      if (value === undefined) missing.push(name);
      return value ?? whole;
    });
    findings.expect('m3u8.define', at, missing.length > 0 && `{$${missing.join('}, {$')}} is not defined`);
    if (result.length > maxLine) return line;
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
