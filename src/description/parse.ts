import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { firstProblems, pathText as pathIn, readBy } from '../ops/problems.ts';
import { pinnedSrcPattern } from './clip-asset.ts';
import { quantised } from './frames.ts';
import { crossFieldProblems } from './rules.ts';
import { type Description, descriptionSchema, type PinnedDescription } from './schema.ts';

const whole = 'description';

/** A path into a description as people write it: `tracks[0].clips[2].asset.src`. */
export const pathText = (path: readonly PropertyKey[]): string => pathIn(path, whole);

function refuse(problems: readonly string[], hint: string): SegueError {
  const message =
    problems.length === 1 ? (problems[0] ?? '') : `The description has ${problems.length} problems`;
  return new SegueError('invalid_description', message, { hint, problems: firstProblems(problems, whole) });
}

/**
 * Reads a description, filling in every default. Takes any JSON value. Throws SegueError `invalid_description` with every
 * problem as `path: message`, where the message names the value and the way out.
 */
export function parseDescription(json: unknown): Description {
  const { data, problems: inFields } = readBy(descriptionSchema, json, whole);
  const across = crossFieldProblems(json).map(({ path, message }) => `${pathText(path)}: ${message}`);
  const problems = [...inFields, ...across];
  if (data !== undefined && problems.length === 0) return data;
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
  const exact = quantised(description as Description);
  if (JSON.stringify(exact) !== JSON.stringify(description)) return false;
  return exact.kind === 'module'
    ? exact.moduleSha256 !== undefined
    : exact.tracks.every(({ clips }) =>
        clips.every(({ asset }) => !('src' in asset) || pinnedSrcPattern.test(asset.src)),
      );
}

/** JSON Schema (draft 2020-12) of what people write: defaults are optional. What lies between fields it cannot say. */
export function descriptionJsonSchema(): Record<string, unknown> {
  return { title: 'Segue description v1', ...z.toJSONSchema(descriptionSchema, { io: 'input' }) };
}
