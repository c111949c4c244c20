import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bucket, openBucket } from '../../../src/store/bucket.ts';
import { startTestBucket, type TestBucket } from '../../support/bucket.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { sharedPostgres } from '../../support/shared-postgres.ts';
import { emptyCatalog } from '../node/kit.ts';
import { anyCommand } from './model/commands.ts';
import { modelOf } from './model/judge.ts';
import { type Peers, startPeers } from './model/peers.ts';
import { look } from './model/seen.ts';
import { World } from './model/world.ts';

/**
 * Leases, copies and disks as a state machine: two nodes, made of the parts of the real ones, take and lose leases, make segments
 * and take in foreign ones, copy, take replicas of each other, crash between any two steps, adopt each other's disks, lose disks,
 * answers and objects. After each step, rows, disks and bucket are held against what always holds: see `model/judge.ts`.
 *
 * Nothing in Segue deletes finished segments to make room, so there is no such step here. What does remove them is here: a
 * fenced maker withdraws, a damaged file is dropped, a foreign segment that was never listed goes, and a damaged object is
 * deleted by whoever has the right bytes.
 *
 * The same is explored each time, so that a change fails by what it changes. SEGUE_MODEL_RUNS explores more, and elsewhere each time;
 * SEGUE_MODEL_SEED and SEGUE_MODEL_PATH repeat what a failure printed.
 */
const asked = process.env['SEGUE_MODEL_RUNS'];
const runs = Number(asked ?? 40);
const seed = process.env['SEGUE_MODEL_SEED'] ?? (asked === undefined ? '1' : undefined);
const path = process.env['SEGUE_MODEL_PATH'];
/** The model ends here in any case, in milliseconds: what was explored until then counts. */
const longestMs = 600 * runs;

let server: TestPostgres;
let store: TestBucket;
let bucket: Bucket;
let peers: Peers;
beforeAll(async () => {
  server = sharedPostgres();
  [store, peers] = await Promise.all([startTestBucket(), startPeers()]);
  bucket = openBucket(store.settings);
});
afterAll(async () => {
  bucket?.close();
  await Promise.all([server?.stop(), store?.stop(), peers?.[Symbol.asyncDispose]()]);
});

test(
  'never two writers of one epoch, never a recorded copy without bytes, never the last copy deleted',
  async () => {
    await using catalog = await emptyCatalog(await server.createDatabase());
    let run = 0;
    let steps = 0;
    const property = fc.asyncProperty(
      fc.commands(anyCommand, { maxCommands: 400, size: 'max' }),
      async (commands) => {
        run += 1;
        await using world = await World.begin({ catalog, bucket, store, peers }, run);
        await fc.asyncModelRun(
          async () => ({ model: modelOf(world, await look(world)), real: world }),
          counted(commands),
        );
      },
    );
    const counted = function* <C>(commands: Iterable<C>): Generator<C> {
      for (const command of commands) {
        steps += 1;
        yield command;
      }
    };
    await fc.assert(property, {
      numRuns: runs,
      interruptAfterTimeLimit: longestMs,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(path === undefined ? {} : { path }),
    });
    expect(steps).toBeGreaterThan(0);
  },
  longestMs + 60_000,
);
