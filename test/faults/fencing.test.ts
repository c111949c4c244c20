import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { until } from '../support/wait.ts';
import {
  expectWhole,
  onNodes,
  type Status,
  segmentsIn,
  smallDescription,
  startField,
  stored,
} from './kit.ts';

test('two nodes are asked for the same render at once: one makes it, the other says who', async () => {
  await using field = await startField({
    env: { SEGUE_RENDER_AHEAD_SECONDS: '1', SEGUE_LEASE_SECONDS: '10' },
  });
  const { id } = await field.post(smallDescription(60));
  const { renderId } = z
    .object({ renderId: z.string() })
    .parse(await (await fetch(`${field.stack.url}/v1/videos/${id}`)).json());
  const secrets: unknown = JSON.parse(await readFile(join(field.stack.dataFolder, 'secrets.json'), 'utf8'));
  const { secret } = z.object({ secret: z.string() }).parse(secrets);
  await field.holder(id);
  const asked = await Promise.all(
    ['node-1', 'node-2'].map(async (part) => {
      const answer = await fetch(`${field.stack.urlOf(part)}/renders/${renderId}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ want: { n: 9 } }),
      });
      return { part, status: answer.status, body: (await answer.json()) as { holder?: string } };
    }),
  );
  // The first holder has given it back where nobody asked for long: then either may have it.
  const [one, ...others] = asked.filter(({ status }) => status === 202);
  expect([one?.part, others], JSON.stringify(asked)).toEqual([expect.any(String), []]);
  const refused = asked.filter((each) => each !== one).map(({ status, body }) => [status, body.holder]);
  expect(refused).toEqual([[409, one?.part]]);
  const withNine = ({ renditions }: Status): string[] =>
    Object.entries(renditions[0]?.nodes ?? {}).flatMap(([node, ranges]) =>
      ranges.some(([from, to]) => from <= 9 && 9 < to) ? [node] : [],
    );
  const status = await field.reach(id, 'segment 9 is made', (seen) => withNine(seen).length > 0);
  expect(withNine(status)).toEqual([one?.part]);
});

test('a node that hung and wakes up finds itself fenced, and does no harm', async () => {
  // Only the node that hangs is to lose its lease, not one that waits for a processor.
  await using field = await startField({ env: { SEGUE_LEASE_SECONDS: '6' } });
  await field.proxy.fail({ kind: 'refuse' });
  const seconds = 24;
  const { id, url } = await field.post({ ...smallDescription(seconds), size: { width: 640, height: 360 } });
  const playing = await playWithFfmpeg(url, { realTime: true });
  const holder = await field.holder(id);
  await field.reach(id, 'it has made something', (status) => onNodes(status) >= 1);
  const pid = field.stack.pidOf(holder);
  process.kill(pid, 'SIGSTOP');
  const other = holder === 'node-1' ? 'node-2' : 'node-1';
  try {
    await until(async () => (await field.status(id)).lease?.node === other, {
      what: 'the other node has taken the render over',
      timeout: 60_000,
    });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  expectWhole(await playing.done, seconds);
  await field.proxy.fail(undefined);
  await field.reach(id, 'everything is copied', (status) => status.state === 'stored');
  expect(stored(await field.status(id))).toBe(segmentsIn(seconds));
  expect((await field.status(id)).lease?.node ?? other, 'the render stayed with the new holder').toBe(other);
  const late = await playWithFfmpeg(url);
  expectWhole(await late.done, seconds);
});
