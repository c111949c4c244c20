import { describe, expect, test } from 'vitest';
import { createLog } from '../../../src/ops/log.ts';
import { backoff, FailureLog, startLoop } from '../../../src/ops/loop.ts';
import { until } from '../../support/wait.ts';

function recorder() {
  const lines: { msg: string; failures?: number }[] = [];
  const log = createLog('test', 'info', { write: (text: string) => lines.push(JSON.parse(text)) });
  return { log, lines };
}

const hour = 3_600_000;

describe('startLoop', () => {
  test('goes on at once for more, waits when idle, and a wake-up ends the wait', async () => {
    const { log } = recorder();
    let steps = 0;
    await using loop = startLoop(
      async () => {
        steps += 1;
        return steps < 3 ? 'more' : 'idle';
      },
      { name: 'test', intervalMs: hour, log },
    );
    await until(() => steps === 3, { what: 'three steps' });
    loop.wake();
    await until(() => steps === 4, { what: 'a fourth step' });
  });

  test('a wake-up during a step is not lost', async () => {
    const { log } = recorder();
    let steps = 0;
    const first = Promise.withResolvers<void>();
    await using loop = startLoop(
      async () => {
        steps += 1;
        if (steps === 1) await first.promise;
        return 'idle';
      },
      { name: 'test', intervalMs: hour, log },
    );
    loop.wake();
    first.resolve();
    await until(() => steps === 2, { what: 'a second step' });
  });

  test('steps never overlap, failures are tried again, and are told once with one line of recovery', async () => {
    const { log, lines } = recorder();
    let running = 0;
    let most = 0;
    let steps = 0;
    await using loop = startLoop(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        running -= 1;
        steps += 1;
        if (steps <= 5) throw new Error('away');
        return 'idle';
      },
      { name: 'copying', intervalMs: hour, log, backoffMs: { first: 1, longest: 4 } },
    );
    await until(() => steps === 6, { what: 'six steps' });
    await until(() => lines.length === 2, { what: 'two lines' });
    expect(most).toBe(1);
    expect(lines.map(({ msg, failures }) => [msg, failures])).toEqual([
      ['copying failed', 1],
      ['copying recovered', 5],
    ]);
    await loop.stop();
  });

  test('stop aborts the step and waits for it', async () => {
    const { log } = recorder();
    let ended = false;
    const loop = startLoop(
      async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ended = true;
        throw new Error('aborted');
      },
      { name: 'test', intervalMs: 1, log },
    );
    await Promise.all([loop.stop(), loop.stop()]);
    expect(ended).toBe(true);
  });
});

test('backoff doubles up to its bound, between half and all of it', () => {
  const bounds = { first: 100, longest: 1000 };
  const steps = [1, 2, 3, 4, 5, 50];
  expect(steps.map((n) => backoff(n, bounds, () => 1))).toEqual([100, 200, 400, 800, 1000, 1000]);
  expect(steps.map((n) => backoff(n, bounds, () => 0))).toEqual([50, 100, 200, 400, 500, 500]);
});

test('a repeated failure is told every 30 s, a new one at once', () => {
  const { log, lines } = recorder();
  let now = 0;
  const failures = new FailureLog(log, 'upload', () => now);
  for (; now < 70_000; now += 1000) failures.failed(new Error('503'), 100);
  failures.failed(new Error('reset'), 100);
  expect(lines.map(({ failures: count }) => count)).toEqual([1, 31, 61, 71]);
  failures.succeeded();
  failures.succeeded();
  expect(lines.at(-1)).toMatchObject({ msg: 'upload recovered', failures: 71 });
  expect(lines).toHaveLength(5);
});
