import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playWithFfmpeg } from '../support/ffmpeg-client.ts';
import { type OwnPostgres, startTestPostgres } from '../support/postgres.ts';
import { descendants } from '../support/processes.ts';
import { type FaultProxy, startFaultProxy, through } from '../support/proxy.ts';
import { until } from '../support/wait.ts';
import {
  expectWhole,
  type Field,
  gatedDescription,
  gating,
  onNodes,
  segmentsIn,
  smallDescription,
  startField,
  stored,
} from './kit.ts';

const seconds = 12;
let postgres: OwnPostgres;
let database: FaultProxy;
let field: Field;
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await startFaultProxy(postgres.url);
  field = await startField({
    env: { DATABASE_URL: through(database, postgres.url), SEGUE_NODE_ID: 'node', ...gating },
  });
});
afterAll(async () => {
  await field?.[Symbol.asyncDispose]();
  await database?.stop();
  await postgres?.stop();
});

/** Whole segment files of a node's disk, whatever the rows say. */
function onDisk(part: string): string[] {
  const folder = join(field.stack.dataFolder, 'nodes', part, 'segments');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\/\d+\.\w+\.m4s$/.test(name),
  );
}

/** Whether a node runs an encoder. */
const isEncoding = (part: string): boolean =>
  descendants(field.stack.pidOf(part)).some(({ command }) => command.includes('ffmpeg'));

const last = segmentsIn(seconds) - 1;
const gate = (): string => join(field.stack.dataFolder, `gate-${seed}`);

interface Point {
  readonly name: string;
  /** Its last segment is not made before the gate is there: it opens at this point at the latest. */
  readonly gated?: true;
  /** Sets the trap before anything is described. */
  readonly before?: () => Promise<void>;
  /** Waits until the node is at this point. */
  readonly reached: (id: string, part: string) => Promise<unknown>;
}

const onPut = (method: string, path: string): boolean => method === 'PUT' && path.includes('.m4s');
const points: readonly Point[] = [
  { name: 'before a playlist lists anything', reached: async () => undefined },
  {
    name: 'while a segment is rendered',
    gated: true,
    reached: (_, part) => until(() => isEncoding(part), { what: 'its encoder runs', timeout: 60_000 }),
  },
  {
    name: 'after the rename, before the row',
    gated: true,
    reached: async (id, part) => {
      await field.reach(id, 'all but the last is made', (status) => onNodes(status) === last);
      const had = onDisk(part).length;
      await database.fail({ kind: 'blackhole' });
      writeFileSync(gate(), '');
      await until(() => onDisk(part).length > had, {
        what: 'a file is there that no row knows',
        timeout: 60_000,
      });
    },
  },
  {
    name: 'while a segment is PUT',
    before: () => field.proxy.fail({ kind: 'blackhole' }, onPut),
    reached: () =>
      until(() => field.proxy.faulted > faulted, { what: 'a PUT is under way', timeout: 60_000 }),
  },
  {
    name: 'after the PUT, before its row',
    before: () => field.proxy.fail({ kind: 'swallow' }, onPut),
    reached: () =>
      until(() => field.proxy.faulted > faulted, { what: 'an object is stored', timeout: 60_000 }),
  },
  {
    name: 'after the row of a copy',
    reached: (id) => field.reach(id, 'a copy is recorded', (status) => stored(status) > 0),
  },
];
let faulted = 0;
let seed = 100;

describe('kill points: the node is killed with SIGKILL', () => {
  test.each(points)(
    '$name: every frame is played, and everything is copied in the end',
    async ({ before, gated, reached }) => {
      faulted = field.proxy.faulted;
      await before?.();
      seed += 1;
      const { id, url } = await field.post(
        gated === true ? gatedDescription(seconds, seed, gate(), last) : smallDescription(seconds, seed),
      );
      const part = await field.holder(id);
      const pid = field.stack.pidOf(part);
      try {
        await reached(id, part);
        field.stack.kill(part);
      } finally {
        writeFileSync(gate(), '');
        await database.fail(undefined);
        await field.proxy.fail(undefined);
      }
      expectWhole(await (await playWithFfmpeg(url)).done, seconds);
      await field.stack.restarted(part, pid);
      const status = await field.reach(id, 'everything is copied', ({ state }) => state === 'stored');
      expect(stored(status)).toBe(segmentsIn(seconds));
      // From the bucket now, whoever made the objects: no torn one among them.
      expectWhole(await (await playWithFfmpeg(url)).done, seconds);
    },
  );
});
