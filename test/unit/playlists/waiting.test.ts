import fc from 'fast-check';
import { Hono } from 'hono';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { cutFor, type HeldBytes, heldBody, pacedBody } from '../../../playlists/body.ts';
import { byteBudget } from '../../../playlists/byte-budget.ts';
import { onceCatalogAnswers } from '../../../playlists/catalog-wait.ts';
import { changeHub } from '../../../playlists/changes.ts';
import { eventStreams } from '../../../playlists/event-stream.ts';
import { flights } from '../../../playlists/flights.ts';
import type { RequestContext, RequestVariables, Service } from '../../../playlists/service.ts';
import { SegueError } from '../../../src/ops/errors.ts';
import { until } from '../../support/wait.ts';

const never = new AbortController().signal;
/** A connection that nobody can cut. */
const uncut = () => false;
/** Lets everything run that is ready to. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('flights', () => {
  test('joined requests share the work; a later one begins anew', async () => {
    const work = Promise.withResolvers<number>();
    let begun = 0;
    const shared = flights<number>();
    const begin = () => {
      begun += 1;
      return work.promise;
    };
    const both = Promise.all([shared.join('k', begin, never), shared.join('k', begin, never)]);
    expect([begun, shared.size]).toEqual([1, 1]);
    work.resolve(5);
    expect(await both).toEqual([5, 5]);
    expect(shared.size).toBe(0);
    await shared.join('k', begin, never);
    expect(begun).toBe(2);
  });

  test('work goes on while somebody waits, and is aborted when the last one leaves', async () => {
    const shared = flights<number>();
    const one = new AbortController();
    const two = new AbortController();
    let aborted = false;
    const begin = (signal: AbortSignal) =>
      new Promise<number>((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new Error('aborted'));
        });
      });
    const first = shared.join('k', begin, one.signal);
    const second = shared.join('k', begin, two.signal);
    one.abort(new Error('one left'));
    await expect(first).rejects.toThrow('one left');
    expect([aborted, shared.size]).toEqual([false, 1]);
    two.abort(new Error('two left'));
    await expect(second).rejects.toThrow('two left');
    expect([aborted, shared.size]).toEqual([true, 0]);
  });

  test('a result that nobody is left to take is discarded', async () => {
    const discarded: number[] = [];
    const shared = flights<number>((value) => discarded.push(value));
    const leaving = new AbortController();
    const work = Promise.withResolvers<number>();
    const joined = shared.join('k', () => work.promise, leaving.signal);
    leaving.abort(new Error('left'));
    await expect(joined).rejects.toThrow('left');
    work.resolve(7);
    await settled();
    expect(discarded).toEqual([7]);
  });
});

describe('byte budget', () => {
  test('never more than the limit is taken, everybody gets a turn, all is given back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 30 }), async (wishes) => {
        const budget = byteBudget(100);
        let most = 0;
        await Promise.all(
          wishes.map(async (bytes) => {
            const giveBack = await budget.take(bytes, never);
            most = Math.max(most, budget.used);
            await settled();
            giveBack();
            giveBack();
          }),
        );
        expect(most).toBeLessThanOrEqual(100);
        expect(budget.used).toBe(0);
      }),
      { numRuns: 20 },
    );
  });

  test('whoever leaves the queue does not block it', async () => {
    const budget = byteBudget(100);
    const first = await budget.take(80, never);
    const leaving = new AbortController();
    const second = budget.take(50, leaving.signal);
    const third = budget.take(20, never);
    leaving.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    first();
    (await third)();
    expect(budget.used).toBe(0);
  });
});

describe('a wait for the catalog', () => {
  test('goes on in its place for what the answer waits for, and gives it back once', async () => {
    let left = 0;
    let isFull = false;
    const take = () => {
      if (isFull) return undefined;
      isFull = true;
      return () => (left += 1);
    };
    const holds = { count: 0, take };
    const service = { ports: { now: Date.now }, holds } as unknown as Service;
    let leaveLast: (() => void) | undefined;
    let tries = 0;
    const route = async (c: RequestContext, { holds: within }: Service) => {
      tries += 1;
      if (tries === 1) throw new SegueError('catalog_unavailable', 'away');
      const leave = within.take();
      if (leave === undefined) throw new SegueError('too_many_holds', 'full');
      leaveLast = leave;
      if (tries > 2) return c.text('held');
      leave();
      throw new SegueError('catalog_unavailable', 'away again');
    };
    const app = new Hono<{ Variables: RequestVariables }>();
    app.get('/', (c) => onceCatalogAnswers(c, service, route));
    expect(await (await app.request('/')).text()).toBe('held');
    expect([tries, left]).toEqual([3, 0]);
    leaveLast?.();
    expect(left).toBe(1);
  });
});

describe('event streams', () => {
  test('whoever reads nothing any more gives its place up, and its connection is cut', async () => {
    let cuts = 0;
    const cut = () => {
      cuts += 1;
      return true;
    };
    const stream = eventStreams({ cut }, 2000);
    const app = new Hono<{ Variables: RequestVariables }>();
    app.onError((error, c) => c.text(JSON.stringify(error), 503));
    app.get('/', (c) =>
      stream(c, async (to) => {
        while (!to.over.aborted) await to.event({ event: 'e', data: 'd' });
      }),
    );
    const answers = await Promise.all(Array.from({ length: 20 }, async () => app.request('/')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    const refused = await app.request('/');
    expect([refused.status, await refused.text()]).toEqual([
      503,
      expect.stringContaining('Close a dashboard'),
    ]);
    await until(async () => (await app.request('/')).status === 200, { what: 'there is a place again' });
    expect(cuts).toBeGreaterThan(0);
  });
});

describe('changes', () => {
  test('a change between two waits is not lost, and wakes only those it concerns', async () => {
    const hub = changeHub();
    const watch = hub.watch('r1');
    const seen: unknown[] = [];
    const all = hub.watchAll((change) => seen.push(change));
    const change = { type: 'copies', renderId: 'r1', place: 'a', n: 0 } as const;
    hub.notify(change);
    hub.notify({ ...change, renderId: 'r2' });
    await watch.next(60_000, never);
    await all.next(60_000, never);
    expect(seen).toHaveLength(2);
    const waiting = watch.next(60_000, never);
    hub.notifyAll();
    await waiting;
    watch.stop();
    all.stop();
    hub.notify(change);
    expect(seen).toHaveLength(2);
  });

  test('a wait ends by its time-out or its signal', async () => {
    const watch = changeHub().watch('r');
    await watch.next(1, never);
    const leaving = new AbortController();
    const waiting = watch.next(60_000, leaving.signal);
    leaving.abort();
    await waiting;
    watch.stop();
  });
});

describe('bodies', () => {
  test('a paced body gives the bytes and tells when they are gone', async () => {
    let done = 0;
    const bytes = new Uint8Array(700_000).fill(7);
    const paced = { bytes, release: () => (done += 1) };
    const read = await new Response(pacedBody(paced, uncut)).arrayBuffer();
    expect(new Uint8Array(read)).toEqual(bytes);
    expect(done).toBe(1);
    const reader = pacedBody(paced, uncut).getReader();
    await reader.read();
    await reader.cancel();
    expect(done).toBe(2);
  });

  test('a held body begins with padding at once and ends with the bytes', async () => {
    let released = 0;
    let gone = 0;
    const work = Promise.withResolvers<{ bytes: Uint8Array<ArrayBuffer>; release: () => void }>();
    const reader = heldBody(
      work.promise,
      Uint8Array.of(7, 7),
      () => false,
      () => (gone += 1),
    ).getReader();
    expect((await reader.read()).value).toEqual(Uint8Array.of(7, 7));
    const next = reader.read();
    work.resolve({ bytes: Uint8Array.of(1, 2, 3), release: () => (released += 1) });
    expect((await next).value).toEqual(Uint8Array.of(1, 2, 3));
    expect((await reader.read()).done).toBe(true);
    expect([released, gone]).toEqual([1, 1]);
  });

  test('a held body whose work fails is an error, never a clean end', async () => {
    let gone = 0;
    const reader = heldBody(
      Promise.reject(new Error('nobody made it')),
      Uint8Array.of(7, 7),
      () => false,
      () => (gone += 1),
    ).getReader();
    await reader.read();
    await expect(reader.read()).rejects.toThrow('nobody made it');
    expect(gone).toBe(1);
  });

  test('bytes that come after the client has gone are given back', async () => {
    let released = 0;
    const work = Promise.withResolvers<{ bytes: Uint8Array<ArrayBuffer>; release: () => void }>();
    const reader = heldBody(
      work.promise,
      Uint8Array.of(7, 7),
      () => false,
      () => undefined,
    ).getReader();
    await reader.read();
    await reader.cancel();
    work.resolve({ bytes: Uint8Array.of(1), release: () => (released += 1) });
    await settled();
    expect(released).toBe(1);
  });
});

describe('clients that stop reading', () => {
  const size = 1024 * 1024;
  const limit = 3 * size;
  afterEach(() => void vi.useRealTimers());

  /** Bodies of both kinds that fill a budget, of which nobody takes more than the first slice; what was cut, in order. */
  async function stalled() {
    vi.useFakeTimers();
    const budget = byteBudget(limit);
    const cut: string[] = [];
    const told: string[] = [];
    const bodyOf = async (name: string): Promise<ReadableStream<Uint8Array>> => {
      const held: HeldBytes = {
        bytes: new Uint8Array(size),
        release: await budget.take(size, never),
        isWaitedFor: () => budget.isWaitedFor,
      };
      const onTrouble = (what: string) => told.push(what);
      const cutOff = cutFor({ cut: () => cut.push(name) > 0, onTrouble }, undefined);
      return name === 'paced'
        ? pacedBody(held, cutOff)
        : heldBody(Promise.resolve(held), Uint8Array.of(7), cutOff, () => cut.push(`${name} gone`));
    };
    const bodies = await Promise.all(['paced', 'paced', 'held'].map(bodyOf));
    const readers = bodies.map((body) => body.getReader());
    await Promise.all(readers.slice(0, 2).map((reader) => reader.read()));
    expect(budget.used).toBe(limit);
    return { budget, cut, told, readers };
  }

  test('are left alone while there is room for others', async () => {
    const { budget, cut, readers } = await stalled();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect([cut, budget.used]).toEqual([[], limit]);
    for (const reader of readers) {
      let length = 0;
      for (let next = await reader.read(); !next.done; next = await reader.read())
        length += next.value.length;
      expect(length).toBeGreaterThanOrEqual(size - 256 * 1024);
    }
    expect([budget.used, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('are cut while others wait for their bytes, as few as that takes, whether or not they ever read', async () => {
    const { budget, cut, told } = await stalled();
    const one = budget.take(size, never);
    await vi.advanceTimersByTimeAsync(10_000);
    (await one)();
    expect(cut).toEqual(['paced']);
    const all = budget.take(limit, never);
    await vi.advanceTimersByTimeAsync(2000);
    (await all)();
    expect(cut.toSorted()).toEqual(['held', 'held gone', 'paced', 'paced']);
    expect(told).toEqual(Array.from({ length: 3 }, () => 'stalled reader'));
    expect([budget.used, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('are not those that read slowly', async () => {
    const { budget, cut, readers } = await stalled();
    const leaving = new AbortController();
    const waiting = budget.take(size, leaving.signal);
    for (let slices = 0; slices < 3; slices += 1) {
      await vi.advanceTimersByTimeAsync(7000);
      await Promise.all(readers.map((reader) => reader.read()));
    }
    expect(cut).toEqual([]);
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
  });
});
