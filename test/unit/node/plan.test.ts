import { describe, expect, test } from 'vitest';
import type { Ranges } from '../../../src/catalog/ranges.ts';
import type { UncopiedRow } from '../../../src/catalog/uncopied.ts';
import { isInTrouble, type ReplicaNode, replicaTasks, strayCopies } from '../../../src/node/replica/plan.ts';
import { type Policy, policySchema } from '../../../src/policy/policy.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const node = (id: string, changed: Partial<ReplicaNode> = {}): ReplicaNode => ({
  id,
  url: `http://${id}`,
  state: 'ready',
  load: { renders: 0 },
  ...changed,
});
const row = (place: string, segments: Ranges, changed: Partial<UncopiedRow> = {}): UncopiedRow => ({
  renderId: 'r',
  rendition: '720p',
  kind: 'video',
  container: 'fmp4',
  place,
  segments,
  stored: [],
  holder: 'a',
  ...changed,
});
const policy = (mode: Policy['replicas']['mode'], changed: object = {}): Policy =>
  policySchema.parse({ replicas: { mode, ...changed } });
const tasks = (
  nodeId: string,
  rows: UncopiedRow[],
  chosen: Policy,
  nodes = [node('a'), node('b')],
  limit = 100,
) => replicaTasks({ rows, nodes, nodeId, policy: chosen, now }, limit).map(({ n, from }) => [n, from.id]);

describe('replicas', () => {
  test('another node takes what only one has, in play order, and nothing that the bucket or it has', () => {
    const rows = [row('a', [[0, 6]], { stored: [[0, 2]] }), row('b', [[4, 5]], { stored: [[0, 2]] })];
    expect(tasks('b', rows, policy('copy'))).toEqual([
      [2, 'a'],
      [3, 'a'],
      [5, 'a'],
    ]);
    expect(tasks('a', rows, policy('copy')), 'the source takes nothing').toEqual([]);
    expect(tasks('b', rows, policy('none'))).toEqual([]);
    expect(tasks('b', rows, policy('copy'), undefined, 2)).toHaveLength(2);
  });

  test('a rule may say something else of a render than the policy of all', () => {
    const rows = [row('a', [[0, 1]]), row('a', [[0, 1]], { renderId: 'other' })];
    const nodes = [node('a'), node('b')];
    const taken = (
      mode: Policy['replicas']['mode'],
      modes: ReadonlyMap<string, Policy['replicas']['mode']>,
    ) =>
      replicaTasks({ rows, nodes, nodeId: 'b', policy: policy(mode), modes, now }, 100).map(
        ({ renderId, isRendered }) => `${renderId} ${isRendered ? 'rendered' : 'pulled'}`,
      );
    expect(taken('none', new Map([['other', 'copy']]))).toEqual(['other pulled']);
    expect(taken('copy', new Map([['r', 'none']]))).toEqual(['other pulled']);
    expect(taken('copy', new Map([['r', 'render']])).sort()).toEqual(['other pulled', 'r rendered']);
  });

  test('of many nodes one takes it, and not one whose disk is nearly full', () => {
    const nodes = ['a', 'b', 'c', 'd', 'e'].map((id) => node(id));
    const takers = nodes.filter(
      ({ id }) => tasks(id, [row('a', [[0, 1]])], policy('copy'), nodes).length > 0,
    );
    expect(takers).toHaveLength(1);
    const full = nodes.map((each) =>
      each.id === takers[0]?.id ? node(each.id, { load: { renders: 0, diskUsed: 0.95 } }) : each,
    );
    const others = full.filter(({ id }) => tasks(id, [row('a', [[0, 1]])], policy('copy'), full).length > 0);
    expect(others).toHaveLength(1);
    expect(others[0]?.id).not.toBe(takers[0]?.id);
  });

  test('on trouble: only from nodes that drain, fail, run out of disk, or are expected to', () => {
    const rows = [row('a', [[0, 1]])];
    const tasksWhere = (a: Partial<ReplicaNode>, chosen = policy('on-trouble')) =>
      tasks('b', rows, chosen, [node('a', a), node('b')]).length;
    expect(tasksWhere({})).toBe(0);
    expect(tasksWhere({ state: 'draining' })).toBe(1);
    expect(tasksWhere({ load: { renders: 0, diskUsed: 0.9 } })).toBe(1);
    expect(tasksWhere({ load: { renders: 0, tight: 1 } })).toBe(1);
    expect(tasksWhere({ load: { renders: 0, failures: 0.5 } })).toBe(1);
    expect(tasksWhere({}, policy('on-trouble', { expectTroubleUntil: '2026-01-01T12:05:00Z' }))).toBe(1);
    expect(tasksWhere({}, policy('on-trouble', { expectTroubleUntil: '2026-01-01T11:55:00Z' }))).toBe(0);
    expect(isInTrouble(node('a'), policy('none'), now)).toBe(false);
  });

  test('without a lease whoever holds most is the source; what a dead node had has none', () => {
    const left = { holder: null };
    const rows = [row('a', [[0, 5]], left), row('b', [[0, 2]], left)];
    expect(tasks('b', rows, policy('copy')).map(([n]) => n)).toEqual([2, 3, 4]);
    expect(tasks('b', [row('gone', [[0, 5]])], policy('copy'))).toEqual([]);
  });
});

describe('copies to the bucket', () => {
  const strays = (nodeId: string, rows: UncopiedRow[], ids = ['a', 'b', 'c']) =>
    strayCopies({ rows, nodes: ids.map((id) => node(id)), nodeId }).map(({ n }) => n);

  test('what a replica holds is copied by it once its maker is gone, by one of several', () => {
    const rows = [row('a', [[0, 3]]), row('b', [[0, 2]]), row('c', [[0, 3]])];
    expect(strays('b', rows), 'while the maker lives it copies').toEqual([]);
    expect(strays('b', rows, ['b', 'c'])).toEqual([0, 1]);
    expect(strays('c', rows, ['b', 'c'])).toEqual([2]);
  });

  test('what the bucket has is copied by nobody', () => {
    expect(strays('b', [row('b', [[0, 3]], { holder: null, stored: [[0, 2]] })])).toEqual([2]);
  });
});
