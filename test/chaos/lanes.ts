import { setTimeout as delay } from 'node:timers/promises';
import { isRough, type Planned, wordsOf } from './fault.ts';
import { strike } from './faults.ts';
import type { Gate } from './gate.ts';
import type { Ground } from './ground.ts';

/** What carrying out a plan needs. */
export interface LanesOptions {
  readonly ground: Ground;
  readonly plan: readonly Planned[];
  /** Seconds since the start. */
  readonly now: () => number;
  /** Faults that have not begun by then are left out: those before have taken longer than planned. In seconds. */
  readonly until: number;
  readonly signal: AbortSignal;
  /** Those who do not survive a rough fault are in. */
  readonly fragile: Gate;
  readonly tell: (text: string) => void;
}

/** What came of a plan. */
export interface Done {
  readonly done: readonly string[];
  /** What a stack did not recover from, or could not be done. */
  readonly problems: readonly string[];
}

/** Does what is planned, each lane for itself; whatever was begun is undone. */
export async function carryOut(options: LanesOptions): Promise<Done> {
  const done: string[] = [];
  const problems: string[] = [];
  const byLane = Map.groupBy(options.plan, ({ lane }) => lane);
  const work = [...byLane.values()].map(async (planned) => {
    for (const each of planned) {
      await delay(Math.max(0, each.at - options.now()) * 1000, undefined, { signal: options.signal }).catch(
        () => undefined,
      );
      if (options.signal.aborted) return;
      const words = wordsOf(each);
      try {
        if (await carriedOut(options, each)) done.push(words);
      } catch (error) {
        problems.push(`${words}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  });
  await Promise.all(work);
  return { done, problems };
}

/** @returns false where it came too late */
async function carriedOut(
  { ground, now, until, signal, fragile, tell }: LanesOptions,
  planned: Planned,
): Promise<boolean> {
  const open = isRough(planned) ? await fragile.close() : undefined;
  try {
    if (signal.aborted || now() + planned.seconds > until) {
      tell(`left out, for want of time: ${wordsOf(planned)}`);
      return false;
    }
    tell(wordsOf(planned));
    const undo = await strike(ground, planned.fault);
    await delay(planned.seconds * 1000, undefined, { signal }).catch(() => undefined);
    await undo();
    tell(`over: ${wordsOf(planned)}`);
    return true;
  } finally {
    open?.();
  }
}
