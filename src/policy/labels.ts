import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';

/** A word that says what kind of video something is, as `trailer` or `user-upload`: rules match it, and what is learnt is kept by it. */
export const labelSchema = z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, {
  error: 'expected 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit',
});

/** Labels of one video at most. */
export const mostLabels = 16;

/** Labels as they are stored: each once, in order. @throws SegueError `invalid_request` */
export function readLabels(texts: readonly string[]): readonly string[] {
  const labels = [...new Set(texts)].sort();
  const wrong = labels.filter((label) => !labelSchema.safeParse(label).success);
  if (wrong.length === 0 && labels.length <= mostLabels) return labels;
  const problems = wrong.map(
    (label) => `label: ${JSON.stringify(label.slice(0, 64))} is no label; ${describeLabel}`,
  );
  if (labels.length > mostLabels)
    problems.push(`label: ${labels.length} labels are more than ${mostLabels}, the most of one video`);
  throw new SegueError('invalid_request', problems[0] ?? '', { problems: problems.slice(0, mostLabels) });
}

const describeLabel = 'use 1 to 64 of a-z, 0-9, dot, dash and underscore';
