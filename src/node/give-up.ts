import type { Catalog } from '../catalog/connect.ts';
import { failRender, supersedeRender } from '../catalog/videos.ts';
import { SegueError } from '../ops/errors.ts';
import type { Log } from '../ops/log.ts';
import type { Rendition } from '../render/rendition.ts';
import { isMade } from './demand.ts';
import { mayBeMadeElsewhere, noteFailure } from './failures.ts';
import type { HeldRender } from './held-render.ts';
import { InitMismatch } from './init-mismatch.ts';
import type { LeasedRenders } from './leased-renders.ts';
import { isNodeTrouble } from './node-trouble.ts';
import { successorOf } from './successor.ts';
import { forgetWant } from './wants.ts';

/** A segment that fails this often in a row is given up here. */
const mostFailures = 3;

/** What deciding needs. */
export interface GiveUpOptions {
  readonly catalog: Catalog;
  readonly leased: LeasedRenders;
  readonly leaseSeconds: number;
  readonly log: Log;
  /** Monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Called for a render that no node can make. */
  readonly onGivenUp?: () => void;
}

/**
 * What becomes of a render whose segment `n` failed: it is tried again here, then on other nodes; what none of them can make fails for
 * everybody, with the reason. An encoder that makes another init segment leaves the render to others as well; where there are none
 * it replaces it by a new generation.
 */
export function givingUp({ catalog, leased, leaseSeconds, log, now, onGivenUp }: GiveUpOptions) {
  /**
   * What only some want cannot be made here, whatever the reason: it ends neither the video nor a complete render. Another
   * node may try once nothing that every viewer gets is left to make.
   */
  const giveUp = (render: HeldRender, n: number, names: readonly string[]): void => {
    const { renderId } = render.row;
    log.error({ renderId, n, renditions: names }, 'given up: the video plays without it');
    forgetWant(render, n, names);
    if (!isMade(render)) return;
    leased.refuse(renderId);
    leased.giveBack(render);
  };

  return async (
    render: HeldRender,
    n: number,
    renditions: readonly Rendition[],
    error: unknown,
  ): Promise<void> => {
    const { row, lease } = render;
    const { renderId } = row;
    if (error instanceof SegueError && error.code === 'fenced') {
      log.warn({ renderId, n }, 'fenced: another node writes this render');
      return leased.drop(render);
    }
    const { kind, count } = noteFailure(render, n, renditions, now());
    log.warn({ renderId, n, err: error, failures: count }, 'segment failed');
    const isMismatch = error instanceof InitMismatch;
    if (kind === 'both' || (!isMismatch && count < mostFailures)) return;
    if (kind === 'onDemand') {
      giveUp(
        render,
        n,
        renditions.map(({ name }) => name),
      );
      return;
    }
    const isElsewhere =
      isNodeTrouble(error) || (await mayBeMadeElsewhere(catalog.db, lease, n, { leaseSeconds }));
    const reason = error instanceof SegueError ? error.message : 'the renderer failed';
    if (isElsewhere) leased.refuse(renderId);
    else if (isMismatch) await supersedeRender(catalog.db, renderId, reason, await successorOf(row), lease);
    else {
      await failRender(catalog.db, renderId, `Segment ${n} could not be made: ${reason}`, lease);
      onGivenUp?.();
    }
    leased.giveBack(render, isElsewhere);
  };
}
