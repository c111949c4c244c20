import type { Seen } from './seen.ts';
import { type NodeName, nodeNames, type RenderName, type World } from './world.ts';

/** What a lease has to be, by the rules alone. */
export interface LeaseModel {
  holder: NodeName | undefined;
  epoch: number;
  isLive: boolean;
}

/** What a node is about, as far as it decides which steps it may take. */
export interface NodeModel {
  readonly isUp: boolean;
  readonly holds: Readonly<Record<RenderName, boolean>>;
  readonly isMaking: boolean;
  readonly isPulling: boolean;
  readonly hasUnlisted: boolean;
  readonly hasFiles: boolean;
  /** What it has put into the bucket and not recorded. */
  readonly stored: string | undefined;
  /** It has the number of a next segment of the stream. */
  readonly next: number;
}

/** A step of somebody, in the words of the project. */
export interface Step {
  readonly text: string;
  readonly isDue: (model: Model) => boolean;
  /** May return what else is to be held against what is seen afterwards. */
  readonly run: (model: Model, world: World) => Promise<void | ((seen: Seen) => void)>;
  /** It takes bytes away behind everybody's back. */
  readonly loses?: boolean;
}

/** What is to be true, and what has been seen. */
export interface Model {
  readonly leases: Readonly<Record<RenderName, LeaseModel>>;
  nodes: Readonly<Record<NodeName, NodeModel>>;
  /** Damaged on a disk, which nobody has noticed: `a own/180p/2`. */
  readonly rotten: Set<string>;
  /** Lost or damaged by the bucket, which nobody has noticed or made good. */
  readonly gone: Set<string>;
  seen: Seen;
}

/** The model of a world that has just begun. */
export function modelOf(world: World, seen: Seen): Model {
  return {
    leases: {
      own: { holder: undefined, epoch: 0, isLive: false },
      foreign: { holder: undefined, epoch: 2, isLive: false },
    },
    nodes: { a: nodeModel(world, 'a'), b: nodeModel(world, 'b') },
    rotten: new Set(),
    gone: new Set(),
    seen,
  };
}

/** What a node is about now. */
export function nodeModel(world: World, name: NodeName): NodeModel {
  const process = world.processes.get(name);
  return {
    isUp: process !== undefined,
    holds: { own: process?.held !== undefined, foreign: process?.stream !== undefined },
    isMaking: process?.making !== undefined,
    isPulling: process?.isPulling === true,
    hasUnlisted: process?.unlisted !== undefined,
    hasFiles: (process?.disk.renders().length ?? 0) > 0,
    stored: process?.stored && world.segmentOf(process.stored),
    next: process?.next ?? 0,
  };
}

/**
 * Holds what is seen after a step against what always holds. `loses`: the step took bytes away behind everybody's back.
 * @throws where one of the promises is broken
 */
export function judge(model: Model, seen: Seen, loses: boolean): void {
  const { seen: before, leases, gone, rotten } = model;
  for (const name of ['own', 'foreign'] as const) {
    if (seen.epochs[name] < before.epochs[name]) throw new Error(`the epoch of ${name} has fallen`);
    if (seen.epochs[name] !== leases[name].epoch)
      throw new Error(`the epoch of ${name} is ${seen.epochs[name]}, not ${leases[name].epoch}`);
  }
  for (const name of nodeNames) {
    // The rows of a process that has died are corrected at its start.
    if (!model.nodes[name].isUp) continue;
    const isNoticed = (segment: string): boolean =>
      seen.bytes[name].has(segment) || !seen.rows[name].has(segment);
    for (const each of rotten) {
      const [at, segment = ''] = each.split(' ');
      if (at === name && isNoticed(segment)) rotten.delete(each);
    }
    for (const segment of seen.rows[name])
      if (!seen.bytes[name].has(segment) && !rotten.has(`${name} ${segment}`))
        throw new Error(`${name} is recorded to have ${segment}, and has not`);
  }
  for (const segment of gone)
    if (seen.bytes.bucket.has(segment) || !seen.rows.bucket.has(segment)) gone.delete(segment);
  for (const segment of seen.rows.bucket)
    if (!seen.bytes.bucket.has(segment) && !gone.has(segment))
      throw new Error(`the bucket is recorded to have ${segment}, and has not`);
  for (const segment of before.listed)
    if (!seen.listed.has(segment)) throw new Error(`${segment} is not listed any more`);
  if (loses) return;
  for (const segment of seen.listed) {
    if (!segment.startsWith('foreign/')) continue;
    if (isAnywhere(before, segment) && !isAnywhere(seen, segment))
      throw new Error(`the last copy of ${segment} was deleted, and nobody can make it again`);
  }
}

const isAnywhere = ({ bytes }: Seen, segment: string): boolean =>
  [bytes.a, bytes.b, bytes.bucket].some((place) => place.has(segment));

/** @throws where a node that may not write has written: its rows have grown */
export const judgeFenced =
  (model: Model, writer: NodeName) =>
  (seen: Seen): void => {
    for (const segment of seen.rows[writer])
      if (!model.seen.rows[writer].has(segment))
        throw new Error(`${writer} has written ${segment} under an epoch that is not current`);
  };
