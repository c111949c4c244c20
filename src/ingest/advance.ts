import type { Lease } from '../catalog/leases.ts';
import { endRendition } from '../catalog/streams.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import { type AtHand, admit, type Plan } from './admission.ts';
import type { Bodies } from './bodies.ts';
import type { Files } from './files.ts';
import { type Part, partName } from './playlist.ts';
import type { Rendition, Waiting } from './rendition.ts';
import { type WrittenSegment, writeRow, writeSegments } from './write.ts';
import { fenced, type WriterParts } from './write-side.ts';

/** What listing needs. */
export interface AdvanceParts extends WriterParts {
  readonly log: Log;
  /** Monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Segments that were passed over because their bytes never came. */
  readonly onSkipped: (count: number) => void;
}

/** Lists what can be listed of the renditions of one stream. */
export interface Advance {
  /**
   * Lists what can be listed of a rendition now, and notes what it waits for. `giveUp`: what is missing was waited for long
   * enough. Returns how many segments are listed. @throws SegueError `fenced`, `invalid_playlist`, `too_large`
   */
  (rendition: Rendition, giveUp?: boolean): Promise<number>;
}

/** How long listed bytes are waited for: after later ones have come, and at the end of a list, in milliseconds. */
const overtakenMs = 10_000;
const endedMs = 30_000;
/** So much longer, where bytes are under way. */
const comingFactor = 3;

/** Whether the producer of a rendition has gone on without what the rendition waits for: then it is given up after a while. */
export const isStuck = ({ waiting, trouble, playlist }: Rendition): boolean =>
  waiting?.overtaken === true ||
  (playlist?.ended === true && (waiting !== undefined || trouble?.passes === false));

/** Whether what a rendition waits for was waited for long enough. */
export function isDue(rendition: Rendition, now: number): boolean {
  const { waiting, trouble, playlist } = rendition;
  if (!isStuck(rendition)) return false;
  const overtaken = Math.max(overtakenMs, 3000 * (playlist?.targetDuration ?? 0));
  const patience = waiting?.overtaken === true ? overtaken : endedMs;
  const since = waiting?.since ?? trouble?.since ?? now;
  return now - since >= patience * (waiting?.coming === true ? comingFactor : 1);
}

/** Lists for the stream whose lease this is. */
export function advancer(
  parts: AdvanceParts,
  lease: Lease,
  files: Files,
  bodies: Bodies,
  onWritten: (segment: Omit<WrittenSegment, 'isOverlong'>) => void,
): Advance {
  const { catalog, log, now } = parts;
  const { renderId } = lease;

  /** What was sent before the list counts with what it is going to be, not with what an earlier upload of that name was. */
  const atHand = ({ order, sides }: Rendition): AtHand => ({
    upload: (name) => files.get(name),
    has: (part) => files.has(part) && !bodies.isComing(part, order),
    side: (part) => {
      const name = partName(part);
      const isKnown = sides.init.byName.has(name) || sides.key.byName.has(name);
      return (isKnown || files.sourceOf(part) !== undefined) && !bodies.isComing(part, order);
    },
  });
  const waitingFor = ({ waiting }: Rendition, { missing, overtaken }: Plan): Waiting | undefined => {
    const [first] = missing;
    if (first === undefined) return undefined;
    const [before] = waiting?.names ?? [];
    const isSame = waiting !== undefined && before === first && waiting.overtaken === overtaken;
    const coming = missing.some((name) => bodies.isComing(partNamed(name)));
    return { names: new Set(missing), overtaken, coming, since: isSame ? waiting.since : now() };
  };
  const end = async (rendition: Rendition): Promise<void> => {
    const { name, cursor, container } = rendition;
    // One without a segment has no row.
    if (container !== undefined && !(await endRendition(catalog.db, renderId, name, lease)))
      throw fenced(renderId);
    rendition.ended = true;
    log.info({ renderId, rendition: name, segments: cursor.next }, 'rendition ended');
  };

  return async (rendition, giveUp = false) => {
    const { playlist, container, trouble } = rendition;
    if (container !== undefined) await writeRow(catalog, lease, rendition, container);
    if (playlist === undefined || rendition.ended) return 0;
    if (giveUp && trouble?.passes === false) {
      log.warn({ renderId, rendition: rendition.name }, 'what is left of an ended list cannot be listed');
      await end(rendition);
      return 0;
    }
    const first = rendition.cursor.next;
    const next = (): Plan => admit(playlist, rendition.cursor, atHand(rendition), giveUp);
    let plan = next();
    while (plan.admitted.length > 0) {
      await writeSegments(parts, lease, rendition, files, plan.admitted, onWritten);
      skipped(rendition, plan);
      plan = next();
    }
    if (plan.ended && rendition.cursor.next === first) skipped(rendition, plan);
    rendition.waiting = waitingFor(rendition, plan);
    if (rendition.container !== undefined) await writeRow(catalog, lease, rendition, rendition.container);
    if (plan.ended) await end(rendition);
    return rendition.cursor.next - first;
  };

  function skipped({ name }: Rendition, plan: Plan): void {
    if (plan.skipped === 0) return;
    log.warn({ renderId, rendition: name, skipped: plan.skipped }, 'segments never came: passed over');
    parts.onSkipped(plan.skipped);
  }
}

/** Whether trying the same again may help. What does not pass is for the source to mend. */
export const passes = (error: unknown): boolean => !(error instanceof SegueError) || error.retryable;

/** Reads a part's name back: `path`, or `path@offset+length`. */
function partNamed(name: string): Part {
  const [, path = name, offset, length] = /^(.*)@(\d+)\+(\d+)$/.exec(name) ?? [];
  return {
    path,
    range: offset === undefined ? undefined : { offset: Number(offset), length: Number(length) },
  };
}
