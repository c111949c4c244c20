import type { Seen } from './cast.ts';
import { type Answer, isSegment } from './tap.ts';

/** Looks whether a cell had what its scenario claims to have tried. @returns what it lacks; undefined where it had it */
export type Evidence = (seen: Seen) => string | undefined;

/** Evidence by one answer of a kind; a player that was not watched gives none. */
const one =
  (lack: string, look: (answer: Answer, seen: Seen) => boolean): Evidence =>
  (seen) =>
    seen.answers?.some((answer) => isSegment(answer) && look(answer, seen)) === true ? undefined : lack;

/** After the kill a segment came from where it was not lost. A held one whose last byte came later was finished by somebody else. */
export const servedAfterKill: Evidence = one(
  'no segment after the kill from another node or the bucket',
  ({ source, when, wholeAt = 0 }, { killed }) => {
    if (killed === undefined || source === undefined || source === killed.node) return false;
    return (source === 'held' ? wholeAt : when) >= killed.when;
  },
);

/** It was sent to the bucket. */
export const redirected: Evidence = one('no redirect to the bucket', ({ source }) => source === 'bucket');

/** After the bucket went down a segment came from a node. */
export const servedWithoutBucket: Evidence = one(
  'no segment from a node after the bucket went down',
  ({ source, when, wholeAt = 0 }, { marked = Number.POSITIVE_INFINITY }) =>
    source !== 'bucket' && (source === 'held' ? wholeAt : when) >= marked,
);

/** Segments that its list had from the bucket. */
export const sealedIn = (answers: readonly Answer[]): number =>
  Math.max(0, ...answers.map(({ path }) => Number(/[?&]sealed=(\d+)/.exec(path)?.[1] ?? 0)));

/** Its list had segments from the bucket. */
export const hadSealedPrefix: Evidence = ({ answers = [] }) =>
  sealedIn(answers) > 0 ? undefined : 'nothing in its list came from the bucket';

/** No node gave it a segment, and it asked for something. */
export const noNode: Evidence = ({ answers = [] }) => {
  const given = answers.find((answer) => isSegment(answer) && answer.source !== 'bucket');
  if (given !== undefined) return `a segment from ${given.source}`;
  return answers.length > 0 ? undefined : 'it asked for nothing';
};
