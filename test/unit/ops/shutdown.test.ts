import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { createLog } from '../../../src/ops/log.ts';
import { runUntilStopped } from '../../../src/ops/shutdown.ts';
import { until } from '../../support/wait.ts';

const log = createLog('test', 'silent');

/** The process as shutdown sees it, without ending this one. */
class Host extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

function heard(host: Host): number {
  return ['SIGTERM', 'SIGINT', 'SIGHUP', 'disconnect'].reduce(
    (sum, name) => sum + host.listenerCount(name),
    0,
  );
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('%s stops cleanly and leaves no listener', async (signal) => {
  const host = new Host();
  let reason = '';
  const ended = runUntilStopped(
    async (why) => {
      reason = why;
    },
    { log, host },
  );
  expect(heard(host)).toBe(4);
  host.emit(signal, signal);
  expect(await ended).toBe(0);
  expect(reason).toBe(signal);
  expect(heard(host)).toBe(0);
  expect(host.exits).toEqual([]);
});

test('the death of the parent stops cleanly', async () => {
  const host = new Host();
  const ended = runUntilStopped(async () => undefined, { log, host });
  host.emit('disconnect');
  expect(await ended).toBe(0);
});

test('a second signal forces, the death of the parent in between does not', async () => {
  const host = new Host();
  let forced = 0;
  const stop = Promise.withResolvers<void>();
  const ended = runUntilStopped(() => stop.promise, { log, host, force: () => (forced += 1) });
  host.emit('SIGINT', 'SIGINT');
  host.emit('disconnect');
  expect(host.exits).toEqual([]);
  host.emit('SIGINT', 'SIGINT');
  expect(forced).toBe(1);
  expect(host.exits).toEqual([1]);
  stop.resolve();
  await ended;
});

test('the deadline forces', async () => {
  const host = new Host();
  const stop = Promise.withResolvers<void>();
  const ended = runUntilStopped(() => stop.promise, { log, host, deadlineMs: 1 });
  host.emit('SIGTERM', 'SIGTERM');
  await until(() => host.exits.length === 1, { what: 'a forced exit' });
  stop.resolve();
  await ended;
});

test('a stop that fails gives exit code 1', async () => {
  const host = new Host();
  const ended = runUntilStopped(() => Promise.reject(new Error('busy')), { log, host });
  host.emit('SIGTERM', 'SIGTERM');
  expect(await ended).toBe(1);
});
