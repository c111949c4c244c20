import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { smallDescription } from '../faults/kit.ts';
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
const rounds = 5;
/** Of the default example. */
const seconds = 24;
/** What the issue allows copying everything to add to the CPU of rendering it. */
const allowed = 0.03;
/** Copies after which a node has compiled what it copies with. */
const warmCopies = 60;

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

/** CPU seconds of the whole tree of processes, in parts. The bucket is somebody else's outside of tests. */
interface Cost {
  /** Encoders that have ended. */
  readonly encoders: number;
  /** Everything else but the bucket: nodes, playlist service, database. */
  readonly rest: number;
  readonly bucket: number;
}

/** The same, and how long it took, in seconds. */
interface Work extends Cost {
  readonly seconds: number;
}

function costs(): Cost {
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

/** Has a video rendered, and copied where that is the policy; says what that cost. */
async function costOf(number: number, isCopied: boolean): Promise<Work> {
  const begun = performance.now();
  const madeBefore = await made();
  const before = costs();
  const body = await descriptionOf(number);
  const query = isCopied ? '?label=copied' : '';
  const posted = (await (await fetch(`${stack.url}/v1/videos${query}`, { method: 'POST', body })).json()) as {
    id: string;
  };
  await until(
    async () => {
      const status = (await (await fetch(`${stack.url}/v1/videos/${posted.id}`)).json()) as Status;
      const needed = status.renditions.filter(({ onDemand }) => !onDemand);
      // Nodes tell what they have made, all renditions of a segment at once, a moment after the catalog does.
      const whole = Math.max(...needed.map(({ segments }) => segments));
      if ((await made()) - madeBefore < whole) return false;
      return needed.every(({ segments, bucket, absent }) =>
        isCopied ? countOf(bucket) === segments : countOf(absent) === 0,
      );
    },
    { what: isCopied ? 'it is copied' : 'it is rendered', timeout: 180_000, every: 500 },
  );
  const after = costs();
  return {
    encoders: after.encoders - before.encoders,
    rest: after.rest - before.rest,
    bucket: after.bucket - before.bucket,
    seconds: (performance.now() - begun) / 1000,
  };
}

/** A figure of `/metrics` of a node; 0 where it does not tell it yet. */
async function figure(part: string, name: RegExp): Promise<number> {
  const text = await (await fetch(`${stack.urlOf(part)}/metrics`)).text();
  return Number(new RegExp(`^${name.source} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** Segments that a node has copied. */
const copiedBy = (part: string): Promise<number> => figure(part, /segue_copies_total\{outcome="stored"\}/);

/** Segments that both nodes have made. */
const made = async (): Promise<number> =>
  (await figure('node-1', /segue_segments_made_total/)) +
  (await figure('node-2', /segue_segments_made_total/));

/** Nothing is rendered any more, and nothing copied. */
async function rested(): Promise<void> {
  const left = async (): Promise<number> => {
    let sum = 0;
    for (const part of ['node-1', 'node-2'])
      for (const name of [/segue_leases/, /segue_copy_queue/]) sum += await figure(part, name);
    return sum;
  };
  await until(async () => (await left()) === 0, { what: 'both rest', timeout: 120_000, every: 500 });
}

/** CPU seconds a second of what runs while nothing happens, the bucket aside. */
async function idleShare(): Promise<number> {
  const [begun, before] = [performance.now(), costs()];
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  return (costs().rest - before.rest) / ((performance.now() - begun) / 1000);
}

/** A node that has copied nothing yet loads and compiles what it needs for that: both have, before anything is measured. */
async function warmUp(): Promise<void> {
  await setPolicy(stack.url, stack.adminToken, { default: { copy: { what: 'everything' } } });
  for (let number = 0; number < 40; number += 1) {
    if (Math.min(await copiedBy('node-1'), await copiedBy('node-2')) >= warmCopies) return rested();
    const body = JSON.stringify(smallDescription(24, number));
    await fetch(`${stack.url}/v1/videos`, { method: 'POST', body });
    await until(async () => (await copiedBy('node-1')) + (await copiedBy('node-2')) >= (number + 1) * 15, {
      what: 'it is copied',
      timeout: 120_000,
      every: 500,
    });
  }
  throw new Error('one of the nodes copies nothing');
}

test(`copying everything adds under ${allowed * 100} % to the CPU of rendering it`, async () => {
  await warmUp();
  // Another policy would have what was left uncopied before copied as well.
  await setPolicy(stack.url, stack.adminToken, {
    rules: [{ name: 'copied', match: { labels: ['copied'] }, copy: { what: 'everything' } }],
    default: { copy: { what: 'nothing' } },
  });
  const idle = await idleShare();
  report(`CPU of everything while nothing happens: ${(idle * 100).toFixed(1)} % of one`);
  const [rendered, copied, added, tree, bucket]: number[][] = [[], [], [], [], []];
  const segments = new Set<number>();
  for (let round = 0; round < rounds; round += 1) {
    // Now the one first, then the other.
    const order =
      round % 2 === 0 ? (['nothing', 'everything'] as const) : (['everything', 'nothing'] as const);
    const results = new Map<string, Work>();
    for (const [index, what] of order.entries()) {
      const before = await made();
      results.set(what, await costOf(round * 2 + index, what === 'everything'));
      segments.add((await made()) - before);
    }
    const [plain, all] = [results.get('nothing'), results.get('everything')];
    if (round === 0 || plain === undefined || all === undefined) continue;
    const whole = plain.encoders + plain.rest;
    rendered?.push(whole);
    copied?.push(all.encoders + all.rest);
    // What idle processes take meanwhile is no part of it: a copy takes longer than it works.
    const idleSeconds = idle * (all.seconds - plain.seconds);
    added?.push(((all.rest - plain.rest - idleSeconds) / whole) * 100);
    tree?.push(((all.encoders + all.rest) / whole - 1) * 100);
    bucket?.push(all.bucket);
  }
  const words = (figures: number[] | undefined, unit: string): string =>
    shown(summaryOf(figures ?? []), unit);
  report(`CPU of rendering ${seconds} s of a ladder, nothing copied: ${words(rendered, ' s')}`);
  report(`the same, everything copied: ${words(copied, ' s')}`);
  report(`copying adds: ${words(added, ' %')}, allowed ${allowed * 100} %`);
  report(`the whole tree, encoders and their noise among it: ${words(tree, ' %')} more`);
  report(`CPU of the embedded bucket meanwhile, not counted: ${words(bucket, ' s')}`);
  expect([...segments], 'the same is rendered either way').toHaveLength(1);
  // Encoders do the same work either way, and on a busy machine their times differ by more than is asked for.
  expect(summaryOf(added ?? []).median).toBeLessThan(allowed * 100);
}, 900_000);

test('a policy of nothing costs nothing: not a request to the bucket, and less than can be told from nothing', async () => {
  await setPolicy(stack.url, stack.adminToken, { default: { copy: { what: 'nothing' } } });
  const before = (await copiedBy('node-1')) + (await copiedBy('node-2'));
  const cost = await costOf(1000, false);
  const after = (await copiedBy('node-1')) + (await copiedBy('node-2'));
  report(`CPU of the bucket while nothing is copied: ${cost.bucket.toFixed(2)} s`);
  expect(after).toBe(before);
  expect(cost.bucket).toBeLessThan(0.1);
}, 300_000);
