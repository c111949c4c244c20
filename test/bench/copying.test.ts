import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallDescription } from '../faults/kit.ts';
import { descendants } from '../support/processes.ts';
import { setPolicy, startStack, type TestStack } from '../support/stack.ts';
import { until } from '../support/wait.ts';
import { report, shown, summaryOf } from './ratio.ts';

/** Two deployments that do the same at the same time, one of them copying: what else happens on the machine happens to both. */
let stacks: readonly [TestStack, TestStack];
const started: TestStack[] = [];
beforeAll(async () => {
  // What nobody watches is rendered to its end: a benchmark has no viewers.
  const env = { SEGUE_RENDER_AHEAD_SECONDS: '3600', SEGUE_PROFILE: 'ladder' };
  const first = await startStack({ env });
  started.push(first);
  const second = await startStack({ env });
  started.push(second);
  stacks = [first, second];
}, 120_000);
afterAll(() => Promise.all(started.map((stack) => stack.stop())));

/** Rounds; the first warms up and does not count. They take turns at copying, so that the others are an even number. */
const rounds = 5;
/** Of the default example. */
const seconds = 24;
/** What the issue allows copying everything to add to the CPU of rendering it. */
const allowed = 0.03;
/** Copies after which a node has compiled what it copies with. */
const warmCopies = 30;

/** Fields 14 to 17 of `/proc/PID/stat` (proc(5)), in seconds: of a process itself, and of its children that have ended. */
function timesOf(pid: number): { readonly own: number; readonly ended: number } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15);
    return { own: (user + system) / 100, ended: (endedUser + endedSystem) / 100 };
  } catch {
    // It has ended: its parent has its time.
    return { own: 0, ended: 0 };
  }
}

/** CPU seconds of the whole tree of processes of a deployment, in parts. The bucket is somebody else's outside of tests. */
interface Cost {
  /** Encoders that have ended. */
  readonly encoders: number;
  /** Everything else but the bucket: nodes, playlist service, database. */
  readonly rest: number;
  readonly bucket: number;
}

function costsOf(stack: TestStack): Cost {
  const bucket = descendants(stack.pidOf('bucket')).map(({ pid }) => pid);
  const nodes = new Set([stack.pidOf('node-1'), stack.pidOf('node-2')]);
  const sum = { encoders: 0, rest: 0, bucket: 0 };
  for (const { pid } of descendants(stack.pid)) {
    const { own, ended } = timesOf(pid);
    if (bucket.includes(pid)) continue;
    sum.rest += own;
    if (nodes.has(pid)) sum.encoders += ended;
    else sum.rest += ended;
  }
  for (const pid of bucket) sum.bucket += timesOf(pid).own;
  return sum;
}

const minus = (a: Cost, b: Cost): Cost => ({
  encoders: a.encoders - b.encoders,
  rest: a.rest - b.rest,
  bucket: a.bucket - b.bucket,
});

/** The beginning of the default example, with a tone of its own, so that it is another video of the same cost. */
async function descriptionOf(number: number): Promise<string> {
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
  const tone = { start: 0, length: seconds, asset: { type: 'tone', frequency: 100 + number }, volume: 0.1 };
  return JSON.stringify({ ...whole, duration: seconds, tracks: [...tracks, { clips: [tone] }] });
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

/** A figure of `/metrics` of a node; 0 where it does not tell it yet. */
async function figure(stack: TestStack, part: string, name: RegExp): Promise<number> {
  const text = await (await fetch(`${stack.urlOf(part)}/metrics`)).text();
  return Number(new RegExp(`^${name.source} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** The same, of both nodes. */
const sumOf = async (stack: TestStack, name: RegExp): Promise<number> =>
  (await figure(stack, 'node-1', name)) + (await figure(stack, 'node-2', name));

const stored = /segue_copies_total\{outcome="stored"\}/;
const made = (stack: TestStack): Promise<number> => sumOf(stack, /segue_segments_made_total/);

/** Posts a video. @returns what waits until it is rendered, and copied where that is the policy, and tells its segments */
async function begin(stack: TestStack, number: number, isCopied: boolean): Promise<() => Promise<number>> {
  const madeBefore = await made(stack);
  const body = await descriptionOf(number);
  const query = isCopied ? '?label=copied' : '';
  const answer = await fetch(`${stack.url}/v1/videos${query}`, { method: 'POST', body });
  const { id } = (await answer.json()) as { id: string };
  return async () => {
    await until(
      async () => {
        const status = (await (await fetch(`${stack.url}/v1/videos/${id}`)).json()) as Status;
        const needed = status.renditions.filter(({ onDemand }) => !onDemand);
        // Nodes tell what they have made, all renditions of a segment at once, a moment after the catalog does.
        const whole = Math.max(...needed.map(({ segments }) => segments));
        if ((await made(stack)) - madeBefore < whole) return false;
        return needed.every(({ segments, bucket, absent }) =>
          isCopied ? countOf(bucket) === segments : countOf(absent) === 0,
        );
      },
      { what: isCopied ? 'it is copied' : 'it is rendered', timeout: 180_000, every: 500 },
    );
    return (await made(stack)) - madeBefore;
  };
}

/** Nothing is rendered any more, and nothing copied. */
async function rested(stack: TestStack): Promise<void> {
  const left = async (): Promise<number> =>
    (await sumOf(stack, /segue_leases/)) + (await sumOf(stack, /segue_copy_queue/));
  await until(async () => (await left()) === 0, { what: 'both rest', timeout: 120_000, every: 500 });
}

/** A node that has copied nothing yet loads and compiles what it needs for that: both have, before anything is measured. */
async function warmUp(stack: TestStack): Promise<void> {
  for (let number = 0; number < 40; number += 1) {
    const copied = [await figure(stack, 'node-1', stored), await figure(stack, 'node-2', stored)];
    if (Math.min(...copied) >= warmCopies) return rested(stack);
    const body = JSON.stringify(smallDescription(24, number));
    await fetch(`${stack.url}/v1/videos`, { method: 'POST', body });
    await until(async () => (await sumOf(stack, stored)) >= (number + 1) * 15, {
      what: 'it is copied',
      timeout: 120_000,
      every: 500,
    });
  }
  throw new Error('one of the nodes copies nothing');
}

test(`copying everything adds under ${allowed * 100} % to the CPU of rendering it`, async () => {
  await Promise.all(stacks.map(warmUp));
  const [plain, copied, rest, encoders, added, bucket]: number[][] = [[], [], [], [], [], []];
  // A label says what is copied, so that the stacks are alike, and what was left uncopied stays so.
  const policy = {
    rules: [{ name: 'copied', match: { labels: ['copied'] }, copy: { what: 'everything' } }],
    default: { copy: { what: 'nothing' } },
  };
  await Promise.all(stacks.map(({ url, adminToken }) => setPolicy(url, adminToken, policy)));
  for (let round = 0; round < rounds; round += 1) {
    const before = stacks.map(costsOf);
    const ends = await Promise.all(stacks.map((stack, index) => begin(stack, round, index === round % 2)));
    const segments = await Promise.all(ends.map((end) => end()));
    expect(segments[0], 'the same is rendered either way').toBe(segments[1]);
    // What follows a copy, as playlists that are stored, belongs to this round.
    await Promise.all(stacks.map(rested));
    const costs = stacks.map((stack, index) => minus(costsOf(stack), before[index] as Cost));
    const [all, none] = [costs[round % 2] as Cost, costs[1 - (round % 2)] as Cost];
    if (round === 0) continue;
    const whole = none.encoders + none.rest;
    plain?.push(whole);
    copied?.push(all.encoders + all.rest);
    rest?.push(((all.rest - none.rest) / whole) * 100);
    encoders?.push(((all.encoders - none.encoders) / whole) * 100);
    added?.push(((all.encoders + all.rest) / whole - 1) * 100);
    bucket?.push(all.bucket);
  }
  const words = (figures: number[] | undefined, unit: string): string =>
    shown(summaryOf(figures ?? []), unit);
  report(`CPU of rendering ${seconds} s of a ladder, nothing copied: ${words(plain, ' s')}`);
  report(`the same at the same time, everything copied: ${words(copied, ' s')}`);
  report(`copying adds to the whole tree: ${words(added, ' %')}, allowed ${allowed * 100} %`);
  report(`to all but the encoders: ${words(rest, ' %')}`);
  report(`to the encoders, which do the same either way: ${words(encoders, ' %')}`);
  report(`CPU of the embedded bucket meanwhile, not counted: ${words(bucket, ' s')}`);
  expect(summaryOf(rest ?? []).median).toBeLessThan(allowed * 100);
  // They vary by more than copying costs: this tells only whether it holds them up.
  expect(summaryOf(encoders ?? []).median).toBeLessThan(allowed * 100);
}, 900_000);

test('a policy of nothing costs nothing: not a request to the bucket, and less than can be told from nothing', async () => {
  const [stack] = stacks;
  await setPolicy(stack.url, stack.adminToken, { default: { copy: { what: 'nothing' } } });
  await rested(stack);
  const [copied, before] = [await sumOf(stack, stored), costsOf(stack)];
  await (await begin(stack, 1000, false))();
  const { bucket } = minus(costsOf(stack), before);
  report(`CPU of the bucket while nothing is copied: ${bucket.toFixed(2)} s`);
  expect(await sumOf(stack, stored)).toBe(copied);
  expect(bucket).toBeLessThan(0.1);
}, 300_000);
