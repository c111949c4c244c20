import { expect, test } from 'vitest';
import { type Field, smallDescription, startField } from '../faults/kit.ts';
import { until } from '../support/wait.ts';
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

/** Waits until both nodes say that they live. */
async function untilReady({ stack }: Field): Promise<void> {
  const headers = { authorization: `Bearer ${stack.adminToken}` };
  await until(
    async () => {
      const answer = await (await fetch(`${stack.url}/v1/nodes`, { headers })).json();
      const { nodes } = answer as { nodes: { state: string }[] };
      return nodes.every(({ state }) => state === 'ready');
    },
    { what: 'both nodes live', timeout: 60_000 },
  );
}

test.each([
  ['kill -9', 'SIGKILL'],
  ['a process that hangs', 'SIGSTOP'],
] as const)(
  `%s: the only holder's segment comes from another node within ${allowed} ms and the time to make it`,
  async (_, signal) => {
    const lost: number[] = [];
    const plain: number[] = [];
    await using field = await startField({ env: { SEGUE_RENDER_AHEAD_SECONDS: '1' } });
    await field.proxy.fail({ kind: 'refuse' });
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await field.post(smallDescription(60, round));
      const segment = (n: number): string => `${field.stack.url}/v/${id}/180p/${n}.m4s`;
      // Two segments of the same length that nobody has made: one shows what making it costs, the other is then lost.
      plain.push(await fetched(segment(8)));
      await fetched(segment(12));
      const part = await field.holder(id);
      const pid = field.stack.pidOf(part);
      process.kill(pid, signal);
      try {
        lost.push(await fetched(segment(12)));
      } finally {
        if (signal === 'SIGSTOP') process.kill(pid, 'SIGCONT');
        else await field.stack.restarted(part, pid);
      }
      // The next round begins with two living nodes.
      await untilReady(field);
    }
    report(`${signal}, the lost segment again: ${shown(summaryOf(lost), ' ms')}`);
    report(`a segment that nobody has made:    ${shown(summaryOf(plain), ' ms')}`);
    expect(summaryOf(lost).median - summaryOf(plain).median).toBeLessThan(allowed);
  },
);
