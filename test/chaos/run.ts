import { assertGone, descendants } from '../support/processes.ts';
import { lookAtTheEnd } from './ending.ts';
import { gate } from './gate.ts';
import { startGround } from './ground.ts';
import { carryOut } from './lanes.ts';
import { startLibrary } from './library.ts';
import { planOf } from './plan.ts';
import { processorUse } from './processors.ts';
import type { Session } from './session.ts';
import { noTruth } from './truth.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { watchAll } from './viewers.ts';

/** A run of chaos. */
export interface ChaosOptions {
  readonly minutes: number;
  /** The same seed has the same plan, the same videos, and viewers who choose alike. */
  readonly seed: number;
  readonly viewers: number;
  /** One fault at a time. */
  readonly isSingle: boolean;
  /** Judges stalls with a full buffer, too: for a machine that does nothing else. */
  readonly strict: boolean;
  /** Ends the run early, with a verdict on what was until then. */
  readonly signal: AbortSignal;
  /** Told what happens, with the time in seconds from the start. */
  readonly tell: (seconds: number, text: string) => void;
  /** Told what the stack writes to its log. */
  readonly onLog?: (piece: string) => void;
  /** Called for each session that is over. */
  readonly onSession?: (session: Session) => void;
}

/** Times between two looks, and beyond which this process has stood still itself, in milliseconds. */
const looks = { every: 500, late: 3000 } as const;

/** Tells when this process was held up: everything goes through it, so that viewers were, too. */
function watchItself(tell: (text: string) => void): Disposable {
  let at = performance.now();
  const timer = setInterval(() => {
    const late = performance.now() - at;
    at = performance.now();
    if (late > looks.late) tell(`this machine had no time for the run for ${(late / 1000).toFixed(1)} s`);
  }, looks.every);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Starts a stack, has everybody watch while everything goes wrong, looks at what is left, and stops the stack. */
export async function runChaos(options: ChaosOptions): Promise<Verdict> {
  const { minutes, seed, viewers: count, isSingle } = options;
  // What fails must not leave viewers behind.
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const seconds = minutes * 60;
  const sessions: Session[] = [];
  const truth = noTruth();
  const onSession = (session: Session): void => {
    sessions.push(session);
    options.onSession?.(session);
  };
  const alreadyThere = new Set(descendants(process.pid).map(({ pid }) => pid));
  const ground = await startGround(minutes, options.onLog ?? (() => undefined));
  let evidence: Parameters<typeof verdictOf>[0];
  try {
    const begun = performance.now();
    const now = (): number => (performance.now() - begun) / 1000;
    const tell = (text: string): void => options.tell(now(), text);
    using _ = watchItself(tell);
    const { cannotFill } = ground.disks;
    if (cannotFill !== undefined)
      tell(`no disk is filled: a small one cannot be mounted here (${cannotFill})`);
    const plan = planOf({ seed, seconds, canFill: cannotFill === undefined, isSingle });
    const use = processorUse();
    const shared = { now, until: seconds, signal, seed };
    const fragile = gate();
    const library = await startLibrary({ ...shared, ground, tell });
    const [done] = await Promise.all([
      carryOut({ ...shared, ground, plan, fragile, tell }),
      watchAll({ ...shared, count, library, truth, plan, fragile, onSession }),
      library.done,
    ]);
    const { videos } = library;
    const used = use();
    const ending = signal.aborted
      ? undefined
      : await lookAtTheEnd({ ground, videos, truth, signal, onSession, tell });
    evidence = { sessions, truth, done, ending, videos, used, strict: options.strict, left: [] };
  } finally {
    ended.abort();
    await ground[Symbol.asyncDispose]();
  }
  const ours = () =>
    descendants(process.pid).filter(({ pid }) => pid !== process.pid && !alreadyThere.has(pid));
  const left = await assertGone(ours).then(
    () => [],
    (error: unknown) => [error instanceof Error ? error.message : String(error)],
  );
  return verdictOf({ ...evidence, left });
}
