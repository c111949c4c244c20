import { expect, test } from 'vitest';
import { smallDescription, startField } from '../faults/kit.ts';
import { report, shown, summaryOf } from './ratio.ts';

/** Rounds of each kind. */
const rounds = 3;
/** What the loss of the only holder may add to the time that making the segment again takes, in milliseconds. */
const allowed = 2500;

/** Milliseconds until the whole segment is here. */
async function fetched(url: string): Promise<number> {
  const began = performance.now();
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(1000);
  return performance.now() - began;
}

test.each([
  ['kill -9', 'SIGKILL'],
  ['a process that hangs', 'SIGSTOP'],
] as const)(
  `%s: the only holder's segment comes from another node within ${allowed} ms and the time to make it`,
  async (_, signal) => {
    const lost: number[] = [];
    const plain: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await using field = await startField({ env: { SEGUE_RENDER_AHEAD_SECONDS: '1' } });
      await field.proxy.fail({ kind: 'refuse' });
      const { id } = await field.post(smallDescription(60, round));
      const segment = (n: number): string => `${field.stack.url}/v/${id}/180p/${n}.m4s`;
      // Two segments of the same length that nobody has made: one shows what making it costs, the other is then lost.
      plain.push(await fetched(segment(8)));
      await fetched(segment(12));
      const pid = field.stack.pidOf(await field.holder(id));
      process.kill(pid, signal);
      try {
        lost.push(await fetched(segment(12)));
      } finally {
        if (signal === 'SIGSTOP') process.kill(pid, 'SIGCONT');
      }
    }
    report(`${signal}, the lost segment again: ${shown(summaryOf(lost), ' ms')}`);
    report(`a segment that nobody has made:    ${shown(summaryOf(plain), ' ms')}`);
    expect(summaryOf(lost).median - summaryOf(plain).median).toBeLessThan(allowed);
  },
);
