import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { pinnedSrcPattern } from './clip-asset.ts';
import { quantised } from './frames.ts';
import { crossFieldProblems } from './rules.ts';
import { type Description, descriptionSchema, type PinnedDescription } from './schema.ts';

/** Problems reported at once; a longer list helps nobody and would let a small request make a large answer. */
const maxProblems = 100;

/** A path as people write it: `tracks[0].clips[2].asset.src`; the whole document is `description`. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[$\w]{1,64}$/.test(String(part))) text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${shown(String(part))}]`;
  }
  return text === '' ? 'description' : text;
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

function problemTexts(issue: z.core.$ZodIssue): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${pathText([...issue.path, key])}: ${issue.message}`);
  }
  // A discriminator's issue carries the whole object as its input.
  const got =
    issue.code === 'invalid_union' && typeof issue.input === 'object' && issue.input !== null
      ? (issue.input as Record<PropertyKey, unknown>)[issue.path.at(-1) ?? '']
      : issue.input;
  return [
    got === undefined
      ? `${pathText(issue.path)}: missing; ${issue.message}`
      : `${pathText(issue.path)}: ${issue.message}, got ${shown(got)}`,
  ];
}

function refuse(problems: readonly string[], hint: string): SegueError {
  const first = problems.slice(0, maxProblems);
  const more = problems.length - first.length;
  const message =
    problems.length === 1 ? (problems[0] ?? '') : `The description has ${problems.length} problems`;
  return new SegueError('invalid_description', message, {
    hint,
    problems: more === 0 ? first : [...first, `description: ${more} more problems; mend these first`],
  });
}

/**
 * Reads a description, filling in every default. Takes any JSON value. Throws SegueError `invalid_description` with every
 * problem as `path: message`, where the message names the value and the way out.
 */
export function parseDescription(json: unknown): Description {
  const result = descriptionSchema.safeParse(json, { reportInput: true, error: expectation });
  const problems = [
    ...(result.error?.issues.flatMap(problemTexts) ?? []),
    ...crossFieldProblems(json).map(({ path, message }) => `${pathText(path)}: ${message}`),
  ];
  if (result.success && problems.length === 0) return result.data;
  throw refuse(problems, 'docs/DESCRIPTION.md lists every field; examples/ has descriptions to begin with.');
}

/**
 * Reads a description as it is stored. Throws SegueError `invalid_description` where it is not pinned: a `src` that is not
 * `sha256:`, a module without `moduleSha256`, a time that is not whole frames.
 */
export function parsePinnedDescription(json: unknown): PinnedDescription {
  const { $schema: _, ...description } = parseDescription(json);
  if (isPinned(description)) return description;
  throw refuse(
    ['description: not pinned; only an accepted description can be rendered'],
    'Post it to /v1/videos first.',
  );
}

/** Whether a description names every file and module by content and has only times of whole frames. */
function isPinned(description: Omit<Description, '$schema'> | Description): description is PinnedDescription {
  const whole = quantised(description as Description);
  if (JSON.stringify(whole) !== JSON.stringify(description)) return false;
  return whole.kind === 'module'
    ? whole.moduleSha256 !== undefined
    : whole.tracks.every(({ clips }) =>
        clips.every(({ asset }) => !('src' in asset) || pinnedSrcPattern.test(asset.src)),
      );
}

/** JSON Schema (draft 2020-12) of what people write: defaults are optional. What lies between fields it cannot say. */
export function descriptionJsonSchema(): Record<string, unknown> {
  return { title: 'Segue description v1', ...z.toJSONSchema(descriptionSchema, { io: 'input' }) };
}
