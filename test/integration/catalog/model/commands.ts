import fc from 'fast-check';
import { acquireLease, releaseLeases, renewLeases } from '../../../../src/catalog/leases.ts';
import { suspectNode } from '../../../../src/catalog/nodes.ts';
import { admit, put } from './foreign-steps.ts';
import type { Outcome } from './gates.ts';
import { judge, judgeFenced, type Model, nodeModel, type Step } from './judge.ts';
import { copy, recordCopy, view } from './place-steps.ts';
import { leaseSeconds, type Making } from './process.ts';
import { goOnPulling, pull } from './replica-steps.ts';
import { look } from './seen.ts';
import {
  type NodeName,
  nodeNames,
  type RenderName,
  renderNames,
  renditions,
  segments,
  type World,
} from './world.ts';

/** A step that is followed by a look at everything. */
const command = (step: Step): fc.AsyncCommand<Model, World> => ({
  check: step.isDue,
  async run(model, world) {
    const judgeToo = await step.run(model, world);
    model.nodes = { a: nodeModel(world, 'a'), b: nodeModel(world, 'b') };
    const seen = await look(world);
    judge(model, seen, step.loses === true);
    judgeToo?.(seen);
    model.seen = seen;
  },
  toString: () => step.text,
});

const other = (name: NodeName): NodeName => (name === 'a' ? 'b' : 'a');

/** A node asks for a lease, and goes on as one that has it, or has not. */
async function take(model: Model, world: World, name: NodeName, render: RenderName): Promise<boolean> {
  const { db } = world.backing.catalog;
  const acquired = await acquireLease(db, world.ids[render], world.ids[name], leaseSeconds);
  if (!acquired.ours) return false;
  const lease = model.leases[render];
  if (acquired.lease.epoch <= lease.epoch) throw new Error(`epoch ${lease.epoch} was given away before`);
  Object.assign(lease, { holder: name, epoch: acquired.lease.epoch, isLive: true });
  const process = world.up(name);
  if (render === 'own') await process.open(acquired.lease);
  else await process.follow(acquired.lease);
  return true;
}

const takeStep = (name: NodeName, render: RenderName): Step => ({
  text: `${name} takes ${render}`,
  isDue: ({ nodes }) => nodes[name].isUp && !nodes[name].holds[render] && !nodes[name].isMaking,
  async run(model, world) {
    const { isLive, holder } = model.leases[render];
    const expected = !isLive || holder === name;
    if ((await take(model, world, name, render)) !== expected)
      throw new Error(`${name} ${expected ? 'does not get' : 'gets'} the lease of ${render}`);
  },
});

const giveBackStep = (name: NodeName, render: RenderName): Step => ({
  text: `${name} gives ${render} back`,
  isDue: ({ nodes }) => nodes[name].holds[render],
  async run(model, world) {
    const process = world.up(name);
    const lease = process.leaseOf(render);
    if (lease === undefined) return;
    process.leave(render);
    await releaseLeases(world.backing.catalog.db, [lease]);
    const now = model.leases[render];
    if (now.holder === name && now.epoch === lease.epoch)
      Object.assign(now, { epoch: now.epoch + 1, isLive: false });
  },
});

const raceStep = (render: RenderName): Step => ({
  text: `a and b ask for ${render} at once`,
  isDue: ({ nodes }) =>
    nodeNames.every((name) => nodes[name].isUp && !nodes[name].holds[render] && !nodes[name].isMaking),
  async run(model, world) {
    const { isLive, holder } = model.leases[render];
    const won = await Promise.all(nodeNames.map((name) => take(model, world, name, render)));
    const winners = won.filter(Boolean).length;
    if (winners !== 1) throw new Error(`${winners} nodes got one lease`);
    if (isLive && model.leases[render].holder !== holder) throw new Error('a lease in force was taken');
  },
});

const beatStep = (name: NodeName): Step => ({
  text: `${name} beats`,
  isDue: ({ nodes }) => nodes[name].isUp,
  async run(model, world) {
    const process = world.up(name);
    await process.beat();
    const held = renderNames.map((render) => process.leaseOf(render)).filter((lease) => lease !== undefined);
    const kept = await renewLeases(world.backing.catalog.db, process.id, held, leaseSeconds);
    for (const render of renderNames) {
      const lease = process.leaseOf(render);
      if (lease === undefined) continue;
      const now = model.leases[render];
      const isOurs = now.holder === name && now.epoch === lease.epoch;
      if (kept.has(lease.renderId) !== isOurs) throw new Error(`${name} renews what is not its own`);
      if (isOurs) now.isLive = true;
      else process.leave(render);
    }
  },
});

const suspectStep = (name: NodeName): Step => ({
  text: `${name} is suspected`,
  isDue: () => true,
  async run({ leases }, world) {
    await suspectNode(world.backing.catalog.db, world.ids[name], world.urlOf(name));
    for (const render of renderNames) if (leases[render].holder === name) leases[render].isLive = false;
  },
});

const dieStep = (name: NodeName): Step => ({
  text: `${name} dies`,
  isDue: ({ nodes }) => nodes[name].isUp,
  run: (_, world) => world.kill(name),
});

const startStep = (name: NodeName): Step => ({
  text: `${name} starts`,
  isDue: ({ nodes }) => !nodes[name].isUp,
  run: (_, world) => world.start(name),
});

const adoptStep = (name: NodeName): Step => ({
  text: `${name} starts again, with the disks of ${other(name)}`,
  isDue: ({ nodes, seen }) => !nodes[other(name)].isUp && seen.bytes[other(name)].size > 0,
  async run(_, world) {
    await world.kill(name);
    world.moveDisks(other(name), name);
    await world.start(name);
  },
});

const loseDiskStep = (name: NodeName): Step => ({
  text: `the disk of ${name} is lost`,
  isDue: ({ nodes, seen }) => !nodes[name].isUp && seen.bytes[name].size > 0,
  run: (_, world) => world.emptyDisks(name),
  loses: true,
});

/** What is made of a segment: nothing that is here and recorded. */
const missing = ({ seen }: Model, name: NodeName, n: number): string[] =>
  renditions.own.filter((rendition) => !seen.rows[name].has(`own/${rendition}/${n}`));

const makeStep = (name: NodeName, n: number): Step => ({
  text: `${name} makes ${n}`,
  isDue: (model) =>
    model.nodes[name].holds.own && !model.nodes[name].isMaking && missing(model, name, n).length > 0,
  run: (model, world) => world.up(name).make(n, missing(model, name, n)),
});

/** Lets what is being made go `gates` steps further; the last one ends as told. */
const proceedStep = (name: NodeName, gates: number, outcome: Outcome): Step => ({
  text: `${name} goes on making, ${gates} steps: ${outcome}`,
  isDue: ({ nodes }) => nodes[name].isMaking,
  async run(model, world) {
    const process = world.up(name);
    const { holder, epoch } = model.leases.own;
    const mayWrite = holder === name && epoch === process.making?.lease.epoch;
    let ended: Making | undefined;
    for (let left = gates; left > 0 && ended === undefined; left -= 1)
      ended = await process.proceed(left === 1 ? outcome : 'done');
    if (ended?.ended === 'accepted' && !mayWrite) throw new Error(`${name} was not fenced`);
    return mayWrite ? undefined : judgeFenced(model, name);
  },
});

const overtakeStep = (name: NodeName, outcome: Outcome): Step => ({
  text: `${other(name)} takes own while ${name} goes on making: ${outcome}`,
  isDue: ({ nodes }) => {
    const rival = nodes[other(name)];
    return nodes[name].isMaking && rival.isUp && !rival.isMaking && !rival.holds.own;
  },
  async run(model, world) {
    await world.passTime();
    for (const render of renderNames) model.leases[render].isLive = false;
    const [, won] = await Promise.all([
      world.up(name).proceed(outcome),
      take(model, world, other(name), 'own'),
    ]);
    if (!won) throw new Error('a lease that had ended was not to be had');
  },
});

const loseStep = (render: RenderName, rendition: string, n: number, left: number): Step => ({
  text: `the bucket ${left === 0 ? 'loses' : 'damages'} ${render}/${rendition}/${n}`,
  isDue: ({ nodes, seen }) => {
    const segment = `${render}/${rendition}/${n}`;
    // What is lost between the PUT and its row is recorded all the same: nobody can see that.
    const isOnTheWay = nodeNames.some((name) => nodes[name].stored === segment);
    return seen.bytes.bucket.has(segment) && seen.rows.bucket.has(segment) && !isOnTheWay;
  },
  async run(model, world) {
    await world.loseObject(world.key(render, rendition, n), left);
    model.gone.add(`${render}/${rendition}/${n}`);
  },
  loses: true,
});

const rotStep = (name: NodeName, render: RenderName, n: number): Step => ({
  text: `the disk of ${name} damages ${render} ${n}`,
  isDue: ({ seen }) => {
    const segment = `${render}/${render === 'own' ? '180p' : 'v0'}/${n}`;
    return seen.rows[name].has(segment) && seen.bytes[name].has(segment);
  },
  async run(model, world) {
    model.rotten.add(`${name} ${await world.rot(name, render, n)}`);
  },
  loses: true,
});

const viewStep = (render: RenderName, rendition: string, n: number): Step => ({
  text: `somebody asks for ${render}/${rendition}/${n}`,
  isDue: ({ seen }) => seen.listed.has(`${render}/${rendition}/${n}`),
  run: (model, world) => view(model, world, render, rendition, n),
});

const passTime: Step = {
  text: 'the lease time passes',
  isDue: ({ leases }) => renderNames.some((render) => leases[render].isLive),
  async run({ leases }, world) {
    await world.passTime();
    for (const render of renderNames) leases[render].isLive = false;
  },
};

const anyNode = fc.constantFrom(...nodeNames);
const anyRender = fc.constantFrom(...renderNames);
const anyNumber = fc.nat(segments - 1);
const anyRendition = fc.constantFrom(
  ...renderNames.flatMap((render) => renditions[render].map((rendition) => [render, rendition] as const)),
);
/** What is lost on the way back leads furthest. */
const anyOutcome = fc.constantFrom<Outcome>(
  'done',
  'done',
  'done',
  'request lost',
  'answer lost',
  'answer lost',
);
/** Encode, write twice, record. */
const anyGates = fc.constantFrom(1, 2, 3, 4, 4, 4, 4);

/** Every step with its weight: what leads somewhere comes more often than what undoes it. */
const weighted: readonly (readonly [number, fc.Arbitrary<Step>])[] = [
  [6, fc.tuple(anyNode, anyRender).map(([name, render]) => takeStep(name, render))],
  [1, fc.tuple(anyNode, anyRender).map(([name, render]) => giveBackStep(name, render))],
  [1, anyRender.map(raceStep)],
  [1, anyNode.map(beatStep)],
  [1, anyNode.map(suspectStep)],
  [1, anyNode.map(dieStep)],
  [6, anyNode.map(startStep)],
  [1, anyNode.map(loseDiskStep)],
  [3, anyNode.map(adoptStep)],
  [4, anyNode.map((name) => ({ text: `${name} begins to take a replica`, ...pull(name) }))],
  [
    6,
    fc.tuple(anyNode, fc.constantFrom(1, 2, 2, 2), anyOutcome).map(([name, gates, outcome]) => ({
      text: `${name} goes on with the replica, ${gates} steps: ${outcome}`,
      ...goOnPulling(name, gates, outcome),
    })),
  ],
  [1, fc.constant(passTime)],
  [5, anyNode.map((name) => ({ text: `${name} puts a foreign segment on its disk`, ...put(name) }))],
  [
    5,
    fc.tuple(anyNode, anyOutcome).map(([name, outcome]) => ({
      text: `${name} lists its foreign segment: ${outcome}`,
      ...admit(name, outcome),
    })),
  ],
  [3, anyNode.map((name) => ({ text: `${name} copies`, ...copy(name) }))],
  [5, anyNode.map((name) => ({ text: `${name} records its copy`, ...recordCopy(name) }))],
  [6, fc.tuple(anyNode, anyNumber).map(([name, n]) => makeStep(name, n))],
  [
    8,
    fc
      .tuple(anyNode, anyGates, anyOutcome)
      .map(([name, gates, outcome]) => proceedStep(name, gates, outcome)),
  ],
  [4, fc.tuple(anyNode, anyOutcome).map(([name, outcome]) => overtakeStep(name, outcome))],
  [
    4,
    fc
      .tuple(anyRendition, anyNumber, fc.constantFrom(0, 100))
      .map(([[render, rendition], n, left]) => loseStep(render, rendition, n, left)),
  ],
  [2, fc.tuple(anyNode, anyRender, anyNumber).map(([name, render, n]) => rotStep(name, render, n))],
  [4, fc.tuple(anyRendition, anyNumber).map(([[render, rendition], n]) => viewStep(render, rendition, n))],
];

/** Every step, as often as its weight says. */
export const anyCommand: fc.Arbitrary<fc.AsyncCommand<Model, World>>[] = weighted.flatMap(([weight, steps]) =>
  Array.from({ length: weight }, () => steps.map(command)),
);
