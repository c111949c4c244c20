import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { databaseUrlOf } from '../../src/stack/postgres.ts';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startNodeProcess } from '../support/node-process.ts';
import {
  expectWhole,
  type Field,
  nodeSettings,
  onNodes,
  segmentsIn,
  size,
  smallDescription,
  startField,
} from './kit.ts';

const seconds = 24;

/** A node beside those of the stack. */
const startBeside = async (
  field: Field,
  id: string,
  dataFolder: string,
  { weight = 1, args = [] }: { weight?: number; args?: string[] },
) =>
  startNodeProcess({
    env: {
      ...(await nodeSettings(field, id, dataFolder)),
      DATABASE_URL: await databaseUrlOf(field.stack.dataFolder),
      SEGUE_NODE_WEIGHT: String(weight),
      SEGUE_LEASE_SECONDS: '10',
    },
    args,
  });

async function segmentsMade(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^segue_segments_made_total (\d+)$/m.exec(text)?.[1]);
}

/** How often each segment was PUT. */
function puts(requests: readonly string[]): number[] {
  const segments = requests.filter((request) => /^PUT .*\/renders\/.*\.m4s$/.test(request));
  return [...Map.groupBy(segments, (request) => request).values()].map(({ length }) => length);
}

test('the only node that has a video is gone for good: another one adopts its disk, and nothing is rendered again', async () => {
  // A busy machine is not to look like a dead node: others would make what it has.
  await using field = await startField({ ownDatabase: true, env: { SEGUE_LEASE_SECONDS: '10' } });
  await using folder = await temporaryFolder();
  const { proxy, stack } = field;
  await proxy.fail({ kind: 'refuse' });
  await using maker = await startBeside(field, 'maker', join(folder.path, 'maker'), { weight: 100 });
  const post = async (seed: number) => {
    const video = await field.post(smallDescription(seconds, seed));
    if ((await field.holder(video.id)) === 'maker') return video;
    await field.reach(
      video.id,
      'another node has made it',
      (status) => onNodes(status) === segmentsIn(seconds),
    );
    return undefined;
  };
  // Nearly always the first: placement goes by weight.
  let video = await post(1);
  for (let seed = 2; video === undefined; seed += 1) video = await post(seed);
  const { id, url } = video;
  const made = await field.reach(id, 'everything is made', ({ renditions }) =>
    renditions
      .filter(({ kind }) => kind === 'video' || kind === 'audio')
      .every(({ nodes }) => size(nodes['maker'] ?? []) === segmentsIn(seconds)),
  );
  expect(made.renditions.every(({ bucket }) => size(bucket) === 0)).toBe(true);
  await maker.kill();
  const others = () => Promise.all(['node-1', 'node-2'].map((part) => segmentsMade(stack.urlOf(part))));
  const before = await others();

  const mounted = join(folder.path, 'mounted');
  await rename(join(folder.path, 'maker'), mounted);
  const own = join(folder.path, 'heir');
  await using heir = await startBeside(field, 'heir', own, { args: ['--adopt', mounted] });
  await field.reach(id, 'the heir has everything, and its maker nothing', ({ renditions }) =>
    renditions
      .filter(({ kind }) => kind === 'video' || kind === 'audio')
      .every(
        ({ nodes }) => size(nodes['heir'] ?? []) === segmentsIn(seconds) && nodes['maker'] === undefined,
      ),
  );
  const playing = await playWithFfmpeg(url);
  expectWhole(await playing.done, seconds);

  await proxy.fail(undefined);
  await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
  const counts = puts(proxy.requests);
  expect(counts.length).toBeGreaterThanOrEqual(2 * segmentsIn(seconds));
  expect(counts.every((count) => count === 1)).toBe(true);
  expect(await segmentsMade(heir.url)).toBe(0);
  expect(await others()).toEqual(before);
});
