import { setTimeout as delay } from 'node:timers/promises';
import type { ExitCode, Output } from '../output.ts';
import { serviceAccess } from '../service-access.ts';
import { secondsOf } from '../time.ts';
import { recentNodes } from './conditions.ts';
import { openScreen } from './live-screen.ts';
import { followLive, type LiveState } from './live-state.ts';
import { standardPage } from './page.ts';
import { countOf, type OverviewOptions, runOverview } from './run.ts';
import { type Point, readNodes } from './service.ts';
import { topLines } from './top-lines.ts';

/** Options of `segue top`, as the command line gives them. */
export interface TopOptions extends OverviewOptions {
  /** Between two pictures or objects, as in `2s`. */
  readonly interval: string;
  /** Ends after so many. */
  readonly count?: string;
}

/** Videos of one object. */
const mostVideos = 50;

/** `segue top`: nodes and the busiest videos, live on a terminal; elsewhere, or with `json`, an object each interval. */
export const top = (options: TopOptions, output: Output): Promise<ExitCode> =>
  runOverview(options, output, async (signal) => {
    const everyMs = Math.max(100, secondsOf('--interval', options.interval) * 1000);
    const most = options.count === undefined ? Infinity : countOf('--count', options.count, 1, 1_000_000);
    const access = await serviceAccess(options);
    // That nobody answers, or refuses the token, is said at once; what happens later is followed through.
    await readNodes(access);
    const ending = new AbortController();
    const over = AbortSignal.any([signal, ending.signal]);
    const isScreen = options.json !== true && process.stdout.isTTY;
    const live = followLive(access, over);
    // What ends it before it was ended is told by who waits for it.
    live.ended.then(
      () => ending.abort(),
      () => ending.abort(),
    );
    try {
      await Promise.race([live.ready, live.ended]);
      using shown = isScreen
        ? screenOf(
            () => live.state(),
            access.server,
            () => ending.abort(),
          )
        : { show: () => output.out(JSON.stringify(jsonOf(live.state()))), [Symbol.dispose]: () => undefined };
      for (let count = 0; !over.aborted; ) {
        shown.show();
        count += 1;
        if (count >= most) break;
        await delay(everyMs, undefined, { signal: over }).catch(() => undefined);
      }
    } finally {
      ending.abort();
      await live.ended;
    }
    return 0;
  });

function screenOf(state: () => LiveState, url: string, onEnd: () => void): Disposable & { show(): void } {
  const show = (): void =>
    screen.draw(topLines(state(), process.stdout.rows || 24, standardPage(), Date.now(), url));
  const screen = openScreen({
    onResize: () => show(),
    // Ctrl-C does not interrupt a terminal that is read key by key.
    onKey: (key) => {
      if (key === 'q' || key === 'Q' || key === '\u0003' || key === '\u0004') onEnd();
    },
  });
  return { show, [Symbol.dispose]: () => screen[Symbol.dispose]() };
}

const answersOf = ({ bucketAnswers, nodeAnswers, heldAnswers }: Point): object => ({
  bucket: bucketAnswers,
  node: nodeAnswers,
  held: heldAnswers,
});

function jsonOf({ nodes, videos, events, point, broken }: LiveState): object {
  const now = Date.now();
  return {
    event: 'top',
    at: new Date(now).toISOString(),
    nodes: recentNodes(nodes, now),
    videos: videos.slice(0, mostVideos),
    watchedVideos: videos.filter(({ viewers }) => viewers > 0).length,
    answers: point === undefined ? null : answersOf(point),
    lastEvent: events[0] ?? null,
    problem: broken ?? null,
  };
}
