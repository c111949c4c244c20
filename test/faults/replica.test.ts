import { expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { until } from '../support/wait.ts';
import { expectWhole, type Field, onNodes, segmentsIn, size, smallDescription, startField } from './kit.ts';

const seconds = 16;
const count = segmentsIn(seconds);

/** Sets the policy as an operator does. */
async function policy({ stack }: Field, replicas: object): Promise<void> {
  const answer = await fetch(`${stack.url}/v1/policy`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${stack.adminToken}` },
    body: JSON.stringify({ replicas }),
  });
  expect(answer.status, await answer.text()).toBe(200);
}

/** A busy machine is not to look like a dead node: others would make what it has. */
const env = { SEGUE_LEASE_SECONDS: '10' };

/** Nodes that have all of picture and sound. */
const whole = async (field: Field, id: string): Promise<string[]> => {
  const { renditions } = await field.status(id);
  const all = renditions.filter(({ kind }) => kind === 'video' || kind === 'audio');
  return Object.keys(all[0]?.nodes ?? {}).filter((node) =>
    all.every(({ nodes }) => size(nodes[node] ?? []) === count),
  );
};
/** Segments that a node's process has made, replicas aside. */
const made = async ({ stack }: Field, part: string): Promise<number> => {
  const text = await (await fetch(`${stack.urlOf(part)}/metrics`)).text();
  return Number(/^segue_segments_made_total (\d+)/m.exec(text)?.[1] ?? Number.NaN);
};

test.each([
  ['pulled', 'copy'],
  ['rendered', 'render'],
])(
  'replicas are %s as segments appear: the origin is lost with its disk, and nothing is made again',
  async (_, mode) => {
    await using field = await startField({ env });
    await policy(field, { mode });
    await field.proxy.fail({ kind: 'refuse' });
    const { id, url } = await field.post(smallDescription(seconds));
    const playing = await playWithFfmpeg(url, { realTime: true });
    await until(async () => (await whole(field, id)).length === 2, {
      what: 'both have all',
      timeout: 120_000,
    });
    const { lease, renditions } = await field.status(id);
    const part = lease?.node ?? Object.keys(renditions[0]?.nodes ?? {})[0] ?? '';
    const other = part === 'node-1' ? 'node-2' : 'node-1';
    const before = await made(field, other);
    const pid = await field.lose(part);
    expectWhole(await playing.done, seconds);
    expect(await made(field, other), 'nothing is made again').toBe(before);
    await field.proxy.fail(undefined);
    await field.stack.restarted(part, pid);
    // The one that is left copies what it did not make.
    await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
  },
);

test('replicas on trouble: none before, all of it once operators expect trouble, none of what follows', async () => {
  await using field = await startField({ env });
  await field.proxy.fail({ kind: 'refuse' });
  const first = await field.post(smallDescription(seconds));
  const watching = await playWithFfmpeg(first.url);
  await field.reach(first.id, 'all of it is made', (status) => onNodes(status) === count);
  expect(await whole(field, first.id)).toHaveLength(1);
  await policy(field, { expectTroubleUntil: new Date(Date.now() + 3_600_000).toISOString() });
  await until(async () => (await whole(field, first.id)).length === 2, {
    what: 'it has a replica',
    timeout: 120_000,
  });
  expectWhole(await watching.done, seconds);
  await policy(field, { expectTroubleUntil: null });
  const second = await field.post(smallDescription(seconds, 2));
  await (await playWithFfmpeg(second.url)).done;
  expect(await whole(field, second.id)).toHaveLength(1);
});
