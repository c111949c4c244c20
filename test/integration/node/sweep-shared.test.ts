import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Catalog } from '../../../src/catalog/connect.ts';
import { deploymentId } from '../../../src/catalog/deployment.ts';
import { markBucket } from '../../../src/copy/deployment-mark.ts';
import { emptyCatalog } from './kit.ts';
import {
  key,
  lines,
  never,
  openSweepField,
  type SweepBacking,
  type SweepField,
  startSweepBacking,
} from './sweep-kit.ts';

let backing: SweepBacking;
let field: SweepField;
/** The catalog of another deployment, which stores `theirs` in the same bucket. */
let other: Catalog;
let mark: string;
beforeAll(async () => {
  backing = await startSweepBacking();
});
afterAll(() => backing[Symbol.asyncDispose]());
beforeEach(async () => {
  field = await openSweepField(backing);
  other = await emptyCatalog(await backing.server.createDatabase());
  mark = `deployments/${await deploymentId(other.db)}`;
  await field.storedRender('r');
  return async () => {
    await other.close();
    await field[Symbol.asyncDispose]();
  };
});

const theirs = key(0, 'theirs');
/** What a node of the other deployment does at its start. */
const startOther = () => markBucket({ catalog: other, bucket: field.bucket }, never);
const remembered = async () => [...(await field.catalog.db.execute('SELECT key FROM orphans'))];

test('of two deployments with one bucket neither removes what the other stores', async () => {
  await startOther();
  await field.put(theirs, 'not an orphan');
  for (let sweeps = 0; sweeps < 3; sweeps += 1) {
    const report = await field.sweep();
    expect(lines(report)).toEqual([`orphan theirs/180p/0.m4s left`, `other-deployment ${mark} left`]);
    expect(report.findings.map(({ open }) => open)).toEqual([1, 1]);
    const seen = lines(await field.sweep({ catalog: other }));
    expect(seen).toContain('orphan r/180p/0.m4s left');
    expect(seen).toContain(`other-deployment deployments/${await deploymentId(field.catalog.db)} left`);
  }
  expect(await field.store.keys('renders/')).toHaveLength(9);
});

test('once the mark of one that is gone is deleted, its objects are orphans, whose grace time begins then', async () => {
  await field.put(theirs, 'an orphan');
  await field.sweep();
  expect(await remembered(), 'known before there was another deployment').toHaveLength(1);
  await startOther();
  await field.sweep();
  expect(await remembered()).toEqual([]);
  await field.take(mark);
  expect(lines(await field.sweep())).toEqual(['orphan theirs/180p/0.m4s reported']);
  // It was not gone.
  expect(await startOther()).toEqual([`deployments/${await deploymentId(field.catalog.db)}`]);
  expect(lines(await field.sweep())).toContain('orphan theirs/180p/0.m4s left');
  await field.take(mark);
  await field.sweep();
  expect(lines(await field.sweep())).toEqual(['orphan theirs/180p/0.m4s removed']);
});

test('a mark says what it is for, and a sweep leaves the own one again where it is gone', async () => {
  await field.sweep();
  const own = `deployments/${await deploymentId(field.catalog.db)}`;
  expect(await field.store.keys('deployments/')).toEqual([own]);
  const text = Buffer.from((await field.bucket.get(own)) ?? []).toString();
  expect(text).toContain(await deploymentId(field.catalog.db));
  expect(text).toContain('delete this object');
  await field.take(own);
  await field.sweep();
  expect(await field.store.keys('deployments/')).toEqual([own]);
  expect(await deploymentId(other.db)).not.toBe(await deploymentId(field.catalog.db));
});
