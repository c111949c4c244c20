import { liveNodes } from '../../../../src/catalog/nodes.ts';
import { uncopiedHoldings } from '../../../../src/catalog/uncopied.ts';
import { type ReplicaTask, replicaTasks } from '../../../../src/node/replica/plan.ts';
import { defaultPolicy, type Policy } from '../../../../src/policy/policy.ts';
import type { Outcome } from './gates.ts';
import type { Step } from './judge.ts';
import { leaseSeconds } from './process.ts';
import { type NodeName, nodeNames, type World } from './world.ts';

/** Everything is held twice. */
const policy: Policy = { ...defaultPolicy, replicas: { mode: 'copy', expectTroubleUntil: null } };

/** What a node is to hold as well, by the real plan over the rows of this world. */
async function nextReplica({ backing, ids }: World, name: NodeName): Promise<ReplicaTask | undefined> {
  const { db } = backing.catalog;
  const [rows, nodes] = await Promise.all([uncopiedHoldings(db, 2000), liveNodes(db, leaseSeconds)]);
  const view = {
    rows: rows.filter(({ renderId }) => renderId === ids.own || renderId === ids.foreign),
    nodes: nodes.filter(({ id }) => nodeNames.some((each) => ids[each] === id)),
    nodeId: ids[name],
    policy,
    now: Date.now(),
  };
  return replicaTasks(view, 1)[0];
}

/** A node begins to take what only the other one has: it has the bytes, and stands before its disk. */
export const pull = (name: NodeName): Omit<Step, 'text'> => ({
  isDue: ({ nodes, seen: { rows } }) => {
    const theirs = rows[name === 'a' ? 'b' : 'a'];
    const isAlone = [...theirs].some((segment) => !rows[name].has(segment) && !rows.bucket.has(segment));
    return isAlone && nodeNames.every((each) => nodes[each].isUp) && !nodes[name].isPulling;
  },
  async run(_, world) {
    const task = await nextReplica(world, name);
    if (task !== undefined) await world.up(name).pull(task);
  },
});

/** Lets it go so many steps further: the disk, the row. */
export const goOnPulling = (name: NodeName, gates: number, outcome: Outcome): Omit<Step, 'text'> => ({
  isDue: ({ nodes }) => nodes[name].isPulling,
  async run(_, world) {
    const process = world.up(name);
    for (let left = gates; left > 0 && process.isPulling; left -= 1)
      await process.proceedPull(left === 1 ? outcome : 'done');
  },
});
