import type { Catalog } from '../catalog/connect.ts';
import type { AbandonedRender, Acquired, HeldLease, Lease } from '../catalog/leases.ts';
import { segmentCount } from '../grid/grid.ts';
import type { Log } from '../ops/log.ts';
import { type Loop, type StepResult, startLoop } from '../ops/loop.ts';
import type { KeepRule } from '../policy/document/keep.ts';
import { isStill } from '../render/rendition.ts';
import { demandOf, heldLease, toMake } from './demand.ts';
import { type DiskRoom } from './disk-room.ts';
import { forgetFailures, recentTries } from './failures.ts';
import { givingUp } from './give-up.ts';
import type { HeldRender } from './held-render.ts';
import { leasedRenders } from './leased-renders.ts';
import type { MadeSegment, SegmentMaker } from './make-segment.ts';
import { startPresence } from './presence.ts';
import { encoderToMove, nextOf, nextWork, type RenderDemand, type Running, type Work } from './schedule.ts';
import { addPresent, addWant, forgetAbandoned, notePlayed, refuseUnknown } from './wants.ts';

/** How a node renders. */
export interface RendersOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly makeSegment: SegmentMaker;
  readonly log: Log;
  /** Whether a segment is on this node's disk. */
  readonly isHere: (renderId: string, rendition: string, n: number) => boolean;
  /** Whether this node's ffmpeg has an encoder. */
  readonly hasEncoder: (name: string) => boolean;
  /** ffmpeg processes at once. */
  readonly encoders: number;
  readonly leaseSeconds: number;
  /** How far a render runs ahead of the playhead while nobody plays, in seconds. */
  readonly aheadSeconds: number;
  /** How far the policy has a render made. Default: a watched one to its end, others as `aheadSeconds` says. */
  readonly keepOf?: (renderId: string) => Pick<KeepRule, 'aheadSeconds' | 'unwatchedSeconds'> | undefined;
  /** What may still be written to the disk. Default: everything. */
  readonly room?: () => DiskRoom;
  /** Called for each segment that is on disk and recorded. */
  readonly onMade: (made: MadeSegment) => void;
  /** Called for each segment that could not be made at this try. */
  readonly onFailed?: () => void;
  /** Monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/** What somebody waits for: segment `n` of one rendition, or of all that are made without being asked for. */
export interface Want {
  readonly n?: number | undefined;
  readonly rendition?: string | undefined;
  /** Somebody follows the render as it grows and waits for none of its segments: it goes on to its end. */
  readonly watch?: true | undefined;
}

/** The renders a node holds, and the encoders that work on them. */
export interface Renders extends AsyncDisposable {
  /**
   * Takes the lease of a render (or keeps it) and, with `want`, has that made before anything nobody waits for. Without
   * `n` it is the segment at the playhead: somebody waits for the init segment, which comes with any of them.
   */
  take(renderId: string, want?: Want): Promise<Acquired>;
  /** Notes that a viewer was served segment n of a rendition: the playhead moves there, unless it was a still. */
  played(renderId: string, rendition: string, n: number): void;
  /** Has a segment made again whose bytes are gone from this disk. */
  lost(renderId: string, rendition: string, n: number): Promise<void>;
  /**
   * Goes on with a render that somebody watches and whose holder is gone, from its playhead on. False where another node was
   * quicker. That it was taken over is no sign of a viewer. @throws SegueError as taking a lease does
   */
  takeOver(abandoned: AbandonedRender): Promise<boolean>;
  /** Leases held now, for renewal. */
  leases(): readonly HeldLease[];
  /**
   * Drops renders whose lease has passed to somebody else: encoders are stopped, nothing more is written. A lease that was
   * given back or taken anew meanwhile is none of those held now, and is ignored.
   */
  fenced(lost: readonly Lease[]): void;
  /** Encoders at work. */
  readonly encoding: number;
  /** Segments that are made and not recorded yet: many only while the database is away. */
  readonly unrecorded: number;
  /** Part of the segments lately tried that could not be made, 0 to 1. */
  readonly failures: number;
  /** Starts what is due and returns; the driver calls it, tests may. */
  step(): Promise<StepResult>;
  /** Lets running segments finish (those that take longer than 3 s are ended), releases the leases. */
  stop(): Promise<void>;
}

/** A lease with nothing left to do is given back after this long without a request, in milliseconds. */
const idleMs = 10_000;
/** So many finished segments may wait for their rows; beyond it nothing more is made. */
const mostUnrecorded = 64;
/** How long stopping waits for running segments, in milliseconds. */
const finishMs = 3_000;

/** A segment on its way to its row: it has an encoder's slot until it is encoded, and waits beside for what is left. */
interface OnItsWay {
  readonly encoder: Running;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Starts rendering: a loop that fills the encoder slots by {@link nextWork}. */
export function startRenders(options: RendersOptions): Renders {
  const { catalog, log, encoders } = options;
  const now = options.now ?? (() => performance.now());
  const running = new Map<Work, OnItsWay>();
  const encoded = new Set<Work>();
  const atWork = (): OnItsWay[] => [...running].flatMap(([work, each]) => (encoded.has(work) ? [] : [each]));
  const tries = recentTries();
  let usualMs = 1000;
  let stopping = false;

  /** What an earlier lease started and is still ending must not meet what the new one writes. */
  const ended = async (renderId: string): Promise<void> => {
    const earlier = [...running.values()].filter(({ encoder }) => encoder.renderId === renderId);
    await Promise.allSettled(earlier.map(({ done }) => done));
  };
  const leased = leasedRenders({ ...options, now, ended });
  const { held } = leased;

  const failed = givingUp({ catalog, leased, leaseSeconds: options.leaseSeconds, log, now });

  const make = async (render: HeldRender, work: Work, abort: AbortController): Promise<void> => {
    const startedAt = now();
    const renditions = toMake(render, work.n, startedAt);
    const onEncoded = (): void => {
      if (!renditions.every(isStill)) usualMs = usualMs * 0.7 + (now() - startedAt) * 0.3;
      encoded.add(work);
      loop.wake();
    };
    try {
      // What was asked for a moment ago is no longer needed.
      if (renditions.length === 0) return void render.wanted.delete(work.n);
      const made = await options.makeSegment(render, work.n, renditions, abort.signal, onEncoded);
      addPresent(
        render,
        work.n,
        renditions.map(({ name }) => name),
      );
      forgetFailures(render, work.n, renditions);
      tries.note(true);
      options.onMade(made);
    } catch (error) {
      if (abort.signal.aborted) return;
      tries.note(false);
      options.onFailed?.();
      await failed(render, work.n, renditions, error);
    } finally {
      render.making.delete(work.n);
    }
  };

  const start = (work: Work): void => {
    const render = held.get(work.renderId);
    if (render === undefined) return;
    const abort = new AbortController();
    render.making.set(work.n, abort);
    const encoder = { ...work, startedAt: now() };
    const done = make(render, work, abort)
      .catch((error: unknown) => log.error({ err: error }, 'render bookkeeping failed'))
      .finally(() => {
        running.delete(work);
        encoded.delete(work);
        loop.wake();
      });
    running.set(work, { encoder, abort, done });
  };

  const seen = (render: HeldRender): RenderDemand => {
    const keep = options.keepOf?.(render.row.renderId);
    return demandOf(render, now(), {
      watchedSeconds: keep?.aheadSeconds ?? Number.POSITIVE_INFINITY,
      unwatchedSeconds: keep?.unwatchedSeconds ?? options.aheadSeconds,
    });
  };

  const releaseIdle = (): void => {
    for (const [renderId, render] of held) {
      const demand = seen(render);
      const busy = render.making.size > 0 || render.wanted.size > 0 || nextOf(demand, now()) !== undefined;
      if (busy || now() - render.lastDemandAt < idleMs) continue;
      leased.giveBack(render);
      log.info({ renderId }, 'lease released: nothing left to do');
    }
  };

  const isWanted = ({ encoder }: { encoder: Running }): boolean =>
    held.get(encoder.renderId)?.wanted.has(encoder.n) ?? false;
  /** Whoever was served already waits for all that follows, not for this one alone: then every slot is used. */
  const isPlayedFromHere = ({ encoder }: { encoder: Running }): boolean =>
    Number.isFinite(held.get(encoder.renderId)?.lastPlayedAt);
  const isStills = ({ encoder }: { encoder: Running }): boolean => encoder.stills === true;

  /** A full disk leaves what it was to make to others. */
  const leaveToOthers = (): void => {
    for (const render of held.values()) {
      if (render.making.size > 0) continue;
      log.warn({ renderId: render.row.renderId }, 'the disk is full: left to other nodes');
      leased.giveBack(render, true);
    }
  };

  const fill = (): void => {
    const room = options.room?.() ?? 'plenty';
    if (room === 'full') return leaveToOthers();
    for (;;) {
      const demands = [...held.values()].map(seen);
      if (encoded.size >= mostUnrecorded) break;
      const all = atWork();
      const work = nextWork(demands, now(), {
        makingFirst: all.some((each) => isWanted(each) && !isStills(each) && !isPlayedFromHere(each)),
        makingStills: all.some(isStills),
      });
      if (work === undefined) break;
      // Before the last byte: first what nobody waits for pauses, then everything.
      if (room === 'tight' && (!work.wanted || work.stills === true)) break;
      if (all.length >= encoders) {
        if (!work.wanted || work.stills === true) break;
        const candidates = all.map((each) => ({ ...each.encoder, wanted: isWanted(each) }));
        const moved = encoderToMove(candidates, now(), usualMs);
        if (moved !== undefined) held.get(moved.renderId)?.making.get(moved.n)?.abort();
        break;
      }
      start(work);
    }
  };

  const step = (): Promise<StepResult> => {
    if (!stopping) {
      for (const render of held.values()) forgetAbandoned(render, now());
      fill();
      releaseIdle();
    }
    return Promise.resolve('idle');
  };

  const loop: Loop = startLoop(step, { name: 'rendering', intervalMs: 250, log });
  const presence = startPresence({
    ...options,
    held: () => [...held.values()],
    onCorrected: () => loop.wake(),
  });

  const stop = async (): Promise<void> => {
    stopping = true;
    leased.refuseAll();
    const late = setTimeout(() => {
      for (const { abort } of running.values()) abort.abort();
    }, finishMs);
    await Promise.allSettled([...running.values()].map((each) => each.done));
    clearTimeout(late);
    await Promise.all([loop.stop(), presence.stop()]);
    await leased.close();
  };

  return {
    async take(renderId, want) {
      const render = await leased.hold(renderId);
      if ('ours' in render) return render;
      render.lastDemandAt = now();
      if (want?.watch === true) {
        render.lastPlayedAt = now();
      } else if (want !== undefined) {
        const { n = render.playhead, rendition } = want;
        refuseUnknown(render, n, rendition);
        const names = rendition === undefined ? [...render.eager] : [rendition];
        addWant(render, n, names, {
          now: now(),
          isHere: (name) => options.isHere(renderId, name, n),
        });
      }
      loop.wake();
      return { ours: true, lease: render.lease };
    },
    played(renderId, name, n) {
      const render = held.get(renderId);
      if (render === undefined) return;
      notePlayed(render, name, n, now());
      loop.wake();
    },
    async lost(renderId, rendition, n) {
      const render = await leased.hold(renderId);
      if ('ours' in render) return;
      render.lastDemandAt = now();
      addWant(render, n, [rendition], { now: now(), isHere: () => false });
      loop.wake();
    },
    async takeOver({ renderId, playhead, watchedSeconds }) {
      const render = await leased.hold(renderId);
      if ('ours' in render) return false;
      render.playhead = Math.max(0, Math.min(playhead, segmentCount(render.grid) - 1));
      render.lastPlayedAt = Math.max(render.lastPlayedAt, now() - watchedSeconds * 1000);
      render.lastDemandAt = now();
      loop.wake();
      return true;
    },
    leases: () => [...held.values()].map((render) => heldLease(render, now())),
    fenced(lost) {
      for (const { renderId, epoch } of lost) {
        const render = held.get(renderId);
        if (render?.lease.epoch !== epoch) continue;
        log.warn({ renderId }, 'fenced: the lease has passed on');
        leased.drop(render);
      }
    },
    get encoding() {
      return running.size - encoded.size;
    },
    get unrecorded() {
      return encoded.size;
    },
    get failures() {
      return tries.failed;
    },
    step,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
