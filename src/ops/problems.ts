import { z } from 'zod';

/** Problems reported at once; a longer list helps nobody and would let a small request make a large answer. */
const maxProblems = 100;

/** A path as people write it: `tracks[0].clips[2].asset.src`; the whole document is called `whole`. */
export function pathText(path: readonly PropertyKey[], whole: string): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[$\w]{1,64}$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${shown(String(part))}]`;
  }
  return text === '' ? whole : text;
}

/** A value as a message names it: short, whatever it is. */
function shown(value: unknown): string {
  if (Array.isArray(value))
    return value.length === 1 ? 'an array of 1 item' : `an array of ${value.length} items`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

const typeNames: Partial<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'an array',
  tuple: 'an array',
};

const oneOf = (values: readonly unknown[]): string =>
  values.length === 1 ? `expected ${shown(values[0])}` : `expected one of ${values.map(shown).join(', ')}`;

const units: Partial<Record<string, string>> = { string: 'character', array: 'item', tuple: 'item' };

/** A bound with its unit: `at least 1 item`. */
function bound(words: string, amount: number | bigint, origin: string): string {
  const unit = units[origin];
  return `expected ${words} ${amount}${unit === undefined ? '' : ` ${unit}${amount === 1 ? '' : 's'}`}`;
}

/** What was expected, for issues to which the schema gives no message of its own. */
const expectation = (issue: z.core.$ZodRawIssue): string | undefined => {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return oneOf(issue.values);
    case 'invalid_union':
      return Array.isArray(issue['options']) ? oneOf(issue['options']) : undefined;
    case 'too_small':
      return bound(issue.inclusive === false ? 'more than' : 'at least', issue.minimum, issue.origin);
    case 'too_big':
      return bound(issue.inclusive === false ? 'less than' : 'at most', issue.maximum, issue.origin);
    case 'unrecognized_keys':
      return issue.inst instanceof z.ZodObject
        ? `unknown field; the fields here are ${Object.keys(issue.inst.shape).join(', ')}`
        : undefined;
    case 'custom':
    case 'invalid_element':
    case 'invalid_format':
    case 'invalid_key':
    case 'not_multiple_of':
      return undefined;
    default:
      return issue satisfies never;
  }
};

function problemTexts(issue: z.core.$ZodIssue, whole: string): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${pathText([...issue.path, key], whole)}: ${issue.message}`);
  }
  // A discriminator's issue carries the whole object as its input.
  const got =
    issue.code === 'invalid_union' && typeof issue.input === 'object' && issue.input !== null
      ? (issue.input as Record<PropertyKey, unknown>)[issue.path.at(-1) ?? '']
      : issue.input;
  const path = pathText(issue.path, whole);
  // A rule between the fields of an object is about all of them.
  if (issue.code === 'custom' && typeof got === 'object') return [`${path}: ${issue.message}`];
  return [
    got === undefined ? `${path}: missing; ${issue.message}` : `${path}: ${issue.message}, got ${shown(got)}`,
  ];
}

/** What came of reading a document. */
export type ReadResult<T> =
  | { readonly data: T; readonly problems: readonly [] }
  | { readonly data?: undefined; readonly problems: readonly string[] };

/**
 * Reads a JSON value by a schema, with every problem as `path: message`, where the message names the value and what was
 * expected. `whole`: what the document is called.
 */
export function readBy<T>(schema: z.ZodType<T>, json: unknown, whole: string): ReadResult<T> {
  const result = schema.safeParse(json, { reportInput: true, error: expectation });
  if (result.success) return { data: result.data, problems: [] };
  return { problems: result.error.issues.flatMap((issue) => problemTexts(issue, whole)) };
}

/** As many problems as one answer names. */
export function firstProblems(problems: readonly string[], whole: string): readonly string[] {
  const more = problems.length - maxProblems;
  if (more <= 0) return problems;
  return [...problems.slice(0, maxProblems), `${whole}: ${more} more problems; mend these first`];
}
