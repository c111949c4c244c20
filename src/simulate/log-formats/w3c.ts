import { bytesIn, clientOf, type LineParser } from './logged.ts';

/** Columns of one log at most: CloudFront has 33. */
const mostColumns = 200;

/**
 * Reads W3C extended log format (https://www.w3.org/TR/WD-logfile), as CloudFront and IIS write it: a `#Fields:` line names the columns of
 * those after it, until the next one.
 */
export function newW3cParser(): LineParser {
  let columns: readonly string[] = [];
  let date: string | undefined;
  return (line) => {
    if (line.startsWith('#')) {
      const [, name, text = ''] = /^#(Fields|Date):(.*)$/.exec(line) ?? [];
      if (name === 'Fields') columns = text.trim().split(/\s+/).slice(0, mostColumns);
      // The day, where no column has it.
      if (name === 'Date') [date] = text.trim().split(' ');
      return undefined;
    }
    if (columns.length === 0) return undefined;
    const values = valuesIn(line);
    const row = new Map(columns.map((name, place) => [name, values[place]]));
    const valueOf = (...names: string[]): string | undefined =>
      names.map((name) => row.get(name)).find((value) => value !== undefined && value !== '-');
    const path = valueOf('cs-uri-stem', 'cs-uri');
    if (path === undefined || valueOf('cs-method') !== 'GET') return undefined;
    return {
      at: Date.parse(`${valueOf('date') ?? date}T${valueOf('time')}Z`),
      path: decoded(path),
      status: Number(valueOf('sc-status')),
      bytes: bytesIn(valueOf('sc-bytes')),
      client: clientOf(valueOf('c-ip'), valueOf('cs(User-Agent)')),
    };
  };
}

/** With tabs, or with spaces and strings in quotes. */
const valuesIn = (line: string): readonly string[] =>
  line.includes('\t')
    ? line.split('\t')
    : (line.match(/"(?:[^"]|"")*"|\S+/g) ?? []).map((word) => word.replace(/^"(.*)"$/, '$1'));

/** CloudFront encodes what was asked for once more. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
