import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { descendants } from '../support/processes.ts';
import { setPolicy, startStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/wait.ts';
import { report, shown, summaryOf } from './ratio.ts';

let stack: TestStack;
beforeAll(async () => {
  // What nobody watches is rendered to its end: a benchmark has no viewers.
  stack = await startStack({ env: { SEGUE_RENDER_AHEAD_SECONDS: '3600', SEGUE_PROFILE: 'ladder' } });
}, 90_000);
afterAll(() => stack.stop());

/** Rounds; the first warms up and does not count. */
const rounds = 6;
/** Of the default example. */
const seconds = 24;
/** What the issue allows copying everything to add to the CPU of rendering it. */
const allowed = 0.03;

/** CPU seconds of a process and all that it started, those that have ended among them (proc(5), fields 14 to 17; hundredths). */
function treeCpu(pid: number, without?: number): number {
  const left = new Set(without === undefined ? [] : descendants(without).map((one) => one.pid));
  let ticks = 0;
  for (const { pid: one } of descendants(pid)) {
    if (left.has(one)) continue;
    try {
      const stat = readFileSync(`/proc/${one}/stat`, 'latin1');
      const fields = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ')
        .map(Number);
      for (const field of fields.slice(11, 15)) ticks += field;
    } catch {
      // It has ended: its parent has its time.
    }
  }
  return ticks / 100;
}

/** CPU seconds of everything but the bucket, which is somebody else's outside of tests, and of that one. */
const costs = (): { readonly segue: number; readonly bucket: number } => {
  const bucket = stack.pidOf('bucket');
  return { segue: treeCpu(stack.pid, bucket), bucket: treeCpu(bucket) };
};

/** The beginning of the default example; another seed makes another video, of the same cost. */
async function descriptionOf(seed: number): Promise<string> {
  const whole = JSON.parse(
    await readFile(new URL('../../examples/default.json', import.meta.url), 'utf8'),
  ) as { tracks: { clips: { start: number; length: number; out?: unknown; fadeOut?: unknown }[] }[] };
  const tracks = whole.tracks
    .map(({ clips }) => ({
      clips: clips
        .filter(({ start }) => start < seconds)
        .map(({ out: _out, fadeOut: _fadeOut, ...clip }) => ({
          ...clip,
          length: Math.min(clip.length, seconds - clip.start),
        })),
    }))
    .filter(({ clips }) => clips.length > 0);
  return JSON.stringify({ ...whole, seed, duration: seconds, tracks });
}

type Status = {
  renditions: {
    onDemand: boolean;
    segments: number;
    bucket: [number, number][];
    absent: [number, number][];
  }[];
};
const countOf = (ranges: [number, number][]): number =>
  ranges.reduce((sum, [from, to]) => sum + to - from, 0);

/** Has a video rendered, and copied where that is the policy; says what that cost. */
async function costOf(seed: number, isCopied: boolean): Promise<ReturnType<typeof costs>> {
  const before = costs();
  const body = await descriptionOf(seed);
  const posted = (await (await fetch(`${stack.url}/v1/videos`, { method: 'POST', body })).json()) as {
    id: string;
  };
  await until(
    async () => {
      const status = (await (await fetch(`${stack.url}/v1/videos/${posted.id}`)).json()) as Status;
      const needed = status.renditions.filter(({ onDemand }) => !onDemand);
      return needed.every(({ segments, bucket, absent }) =>
        isCopied ? countOf(bucket) === segments : countOf(absent) === 0,
      );
    },
    { what: isCopied ? 'it is copied' : 'it is rendered', timeout: 180_000, every: 500 },
  );
  const after = costs();
  return { segue: after.segue - before.segue, bucket: after.bucket - before.bucket };
}

test(`copying everything adds under ${allowed * 100} % to the CPU of rendering it`, async () => {
  const [rendered, copied, added, bucket]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < rounds; round += 1) {
    const run = async (what: 'nothing' | 'everything') => {
      await setPolicy(stack.url, stack.adminToken, { default: { copy: { what } } });
      return costOf(1000 + round * 2 + Number(what === 'everything'), what === 'everything');
    };
    // Now the one first, then the other.
    const order =
      round % 2 === 0 ? (['nothing', 'everything'] as const) : (['everything', 'nothing'] as const);
    const results = new Map<string, ReturnType<typeof costs>>();
    for (const what of order) results.set(what, await run(what));
    const [plain, all] = [results.get('nothing'), results.get('everything')];
    if (round === 0 || plain === undefined || all === undefined) continue;
    rendered.push(plain.segue);
    copied.push(all.segue);
    added.push((all.segue / plain.segue - 1) * 100);
    bucket.push(all.bucket);
  }
  report(`CPU of rendering ${seconds} s of a ladder, nothing copied: ${shown(summaryOf(rendered), ' s')}`);
  report(`the same, everything copied: ${shown(summaryOf(copied), ' s')}`);
  report(`copying adds: ${shown(summaryOf(added), ' %')}, allowed ${allowed * 100} %`);
  report(`CPU of the embedded bucket meanwhile, not counted: ${shown(summaryOf(bucket), ' s')}`);
  expect(summaryOf(added).median).toBeLessThan(allowed * 100);
}, 900_000);
