import type { Catalog } from '../../catalog/connect.ts';
import { removeCopies } from '../../catalog/copies.ts';
import { countOf, difference, numbersIn, type Ranges, rangesOf } from '../../catalog/ranges.ts';
import type { Log } from '../../ops/log.ts';
import type { StepResult } from '../../ops/loop.ts';
import type { Rule } from '../../policy/document/rule.ts';
import { bytesToFree, type Eviction, evictions, leaving } from '../../policy/evict.ts';
import type { VideoFacts } from '../../policy/facts.ts';
import type { Forecast } from '../../policy/forecast/learner.ts';
import type { Bucket } from '../../store/bucket.ts';
import type { DiskStore } from '../../store/disk.ts';
import { segmentName } from '../../store/names.ts';
import type { Looked, Looks } from './looks.ts';
import type { PolicyWatch } from './watch.ts';

/** What making room needs. */
export interface EvictOptions {
  readonly catalog: Catalog;
  readonly nodeId: string;
  readonly disk: DiskStore;
  readonly bucket: Pick<Bucket, 'size'>;
  readonly watch: Pick<PolicyWatch, 'current'>;
  readonly forecast: Forecast;
  readonly looks: Looks;
  readonly log: Log;
  /** Bytes that segments may fill: watermarks are parts of it. */
  readonly budget: () => number;
  /** Whether this node renders it now: what left would be made again at once. */
  readonly isHeld: (renderId: string) => boolean;
  /** Called for what has left the disk. Must not throw. */
  readonly onEvicted?: (why: Eviction['why'], segments: number, bytes: number) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** What has left a disk. */
export interface Evicted {
  readonly segments: number;
  readonly bytes: number;
}

/** Keeps a disk within its budget. */
export interface Evicting {
  /** Where the disk is above its high watermark, makes room down to the low one. */
  step(): Promise<StepResult>;
  /** Has leave what the rule of a render does not want on this disk any more, or what there is too much of under that rule. */
  settle(looked: Looked, rule: Rule): void;
  /** Makes room of so many bytes now; without a number, of all that may go of one render. */
  evict(what: { readonly bytes: number } | { readonly renderId: string }): Promise<Evicted>;
  /** Seconds after its last viewer at which space makes a video leave, as things went lately; Infinity: there is room. */
  readonly evictedAfterSeconds: number;
}

/** What videos of one rule may have together. */
interface Group {
  /** Bytes. */
  readonly most: number;
  readonly looked: Map<string, Looked>;
  /** Something of it was looked at since the last time. */
  isNews: boolean;
}

/** What is known of the bucket while room is made. */
interface Asking {
  /** It has failed to answer. */
  isUseless: boolean;
}

/** So often others are chosen in place of what did not leave. */
const mostTurns = 5;
/** Renders whose facts are read at once. */
const mostAtOnce = 200;
/** Looks at the disk, in milliseconds. */
const lookMs = 1000;
/** Where nothing could leave of many renders, it is looked again after so long, in milliseconds. */
const stuckMs = 5000;

/** Starts with nothing known. */
export function evicting(options: EvictOptions): Evicting {
  const { catalog, nodeId, disk, bucket, watch, forecast, looks, log, isHeld } = options;
  const now = options.now ?? Date.now;
  let pressed = { afterSeconds: Number.POSITIVE_INFINITY, at: 0 };
  /** What is to leave by rule, by render. */
  const leavers = new Map<string, Looked>();
  /** Renders under rules that bound what their videos have together, by rule. */
  const groups = new Map<string, Group>();

  const everything = async (): Promise<Looked[]> => {
    const ids = disk.renders();
    const all: Looked[] = [];
    for (let from = 0; from < ids.length; from += mostAtOnce)
      all.push(...(await looks.videos(ids.slice(from, from + mostAtOnce))));
    return all;
  };

  /** The rows first: nobody is sent to bytes that are about to go. Of what has to be asked for, `most` bytes. Returns what has left. */
  const drop = async (
    { row, facts }: Looked,
    { ranges, why }: Eviction,
    most: number,
    asking: Asking,
  ): Promise<Evicted> => {
    let [segments, bytes] = [0, 0];
    for (const { name, ranges: wanted } of ranges) {
      // Taken since it was chosen.
      if (why !== 'elsewhere' && isHeld(row.renderId)) break;
      const gone = facts.isRemakable ? wanted : await verified(row, name, wanted, most - bytes, asking);
      if (gone.length === 0) continue;
      await removeCopies(catalog.db, row.renderId, name, nodeId, gone);
      for (const n of numbersIn(gone)) {
        bytes += disk.facts(row.renderId, name, n)?.bytes ?? 0;
        await disk.remove(row.renderId, name, n);
      }
      segments += countOf(gone);
    }
    if (segments > 0) {
      log.info({ renderId: row.renderId, segments, bytes, why }, 'segments have left the disk');
      options.onEvicted?.(why, segments, bytes);
    }
    return { segments, bytes };
  };
  /** Of what nobody can make again only that leaves which the bucket has at this moment, in its whole length. */
  const verified = async (
    row: Looked['row'],
    name: string,
    wanted: Ranges,
    most: number,
    asking: Asking,
  ): Promise<Ranges> => {
    const stored = row.copies.find(({ rendition, place }) => rendition === name && place === 'bucket');
    const container = row.renditions.find((one) => one.name === name)?.container;
    if (container === undefined) return [];
    const right: number[] = [];
    let bytes = 0;
    for (const n of numbersIn(wanted)) {
      if (asking.isUseless || bytes >= most) break;
      if (difference([[n, n + 1]], stored?.segments ?? []).length > 0) continue;
      const size = await sizeOf(segmentName(row.renderId, name, n, container), asking);
      if (size === undefined || size !== disk.facts(row.renderId, name, n)?.bytes) continue;
      right.push(n);
      bytes += size;
    }
    return rangesOf(right);
  };
  /** A bucket that does not answer keeps only that which it would have to be asked for. */
  const sizeOf = async (key: string, asking: Asking): Promise<number | undefined> => {
    try {
      return await bucket.size(key);
    } catch (error) {
      asking.isUseless = true;
      log.warn({ err: error, key }, 'what only the bucket can answer for stays on the disk');
      return undefined;
    }
  };

  const dropAll = async (
    all: readonly Looked[],
    chosen: readonly Eviction[],
    bytes = Number.POSITIVE_INFINITY,
    asking: Asking = { isUseless: false },
  ): Promise<Evicted> => {
    const byId = new Map(all.map((looked) => [looked.row.renderId, looked]));
    const sum = { segments: 0, bytes: 0 };
    for (const eviction of chosen) {
      const looked = byId.get(eviction.id);
      if (looked === undefined || sum.bytes >= bytes) continue;
      const gone = await drop(looked, eviction, bytes - sum.bytes, asking);
      sum.segments += gone.segments;
      sum.bytes += gone.bytes;
    }
    return sum;
  };
  /** What may leave: of what is rendered here now only what the bucket has. */
  const free = (all: readonly Looked[]): VideoFacts[] =>
    all.map(({ row, facts }) => safe(isHeld(row.renderId) ? { ...facts, isRemakable: false } : facts));

  const makeRoom = async (bytes: number): Promise<Evicted> => {
    const sum = { segments: 0, bytes: 0 };
    const asking: Asking = { isUseless: false };
    let all = await everything();
    // What was chosen and has not left, as the bucket does not say that it has it, is made up for by others.
    for (let turn = 0; turn < mostTurns && sum.bytes < bytes; turn += 1) {
      const left = bytes - sum.bytes;
      const chosen = evictions(watch.current.policy, free(all), left, forecast, now());
      if (chosen.length === 0) break;
      if (turn === 0) notePressure(all, chosen);
      const gone = await dropAll(all, chosen, left, asking);
      sum.segments += gone.segments;
      sum.bytes += gone.bytes;
      const ids = new Set(chosen.map(({ id }) => id));
      all = all.filter(({ facts }) => !ids.has(facts.id));
    }
    return sum;
  };
  const notePressure = (all: readonly Looked[], chosen: readonly Eviction[]): void => {
    const leaves = new Set(chosen.map(({ id }) => id));
    const ages = all
      .filter(({ facts }) => leaves.has(facts.id))
      .map(({ facts: { demand, createdAt } }) => (now() - (demand.lastAt ?? createdAt)) / 1000);
    if (ages.length > 0) pressed = { afterSeconds: Math.max(60, Math.min(...ages)), at: now() };
  };

  const ruleWork = async (): Promise<void> => {
    for (const [renderId, looked] of leavers) {
      leavers.delete(renderId);
      const chosen = free([looked]).flatMap((facts) => leaving(watch.current.policy, facts, forecast, now()));
      await dropAll([looked], chosen);
    }
    for (const group of groups.values()) {
      if (!group.isNews) continue;
      group.isNews = false;
      for (const renderId of group.looked.keys())
        if (disk.held(renderId).size === 0) group.looked.delete(renderId);
      const all = [...group.looked.values()];
      const used = all.reduce((sum, { row }) => sum + bytesOn(disk, row.renderId), 0);
      if (used <= group.most) continue;
      const over = used - group.most;
      await dropAll(all, evictions(watch.current.policy, free(all), over, forecast, now()), over);
    }
  };

  return {
    settle(looked, rule) {
      const { renderId } = looked.row;
      if (disk.held(renderId).size === 0) return;
      leavers.set(renderId, looked);
      for (const [name, group] of groups) {
        if (name !== rule.name || rule.keep.localBytes === null) group.looked.delete(renderId);
        if (group.looked.size === 0) groups.delete(name);
      }
      const most = rule.keep.localBytes;
      if (most === null) return;
      const known = groups.get(rule.name)?.looked ?? new Map<string, Looked>();
      groups.set(rule.name, { most, looked: known.set(renderId, looked), isNews: true });
    },
    async step() {
      const bytes = bytesToFree(disk.ownBytes, options.budget(), watch.current.policy.disk);
      if (bytes > 0) {
        const gone = await makeRoom(bytes);
        if (gone.segments === 0) return disk.renders().length > mostAtOnce ? stuckMs : lookMs;
        return gone.bytes < bytes ? lookMs : 'more';
      }
      await ruleWork();
      return lookMs;
    },
    async evict(what) {
      if ('bytes' in what) return makeRoom(what.bytes);
      const all = await looks.videos([what.renderId]);
      const chosen = evictions(watch.current.policy, free(all), Number.POSITIVE_INFINITY, forecast, now());
      return dropAll(all, chosen);
    },
    get evictedAfterSeconds() {
      const isPast = now() - pressed.at > 2000 * pressed.afterSeconds;
      return isPast ? Number.POSITIVE_INFINITY : pressed.afterSeconds;
    },
  };
}

/** Another node may let go of its copy at the same moment: of what nobody can make again only the bucket's copy counts. */
const safe = (facts: VideoFacts): VideoFacts =>
  facts.isRemakable
    ? facts
    : { ...facts, renditions: facts.renditions.map((one) => ({ ...one, elsewhere: [] })) };

function bytesOn(disk: DiskStore, renderId: string): number {
  let bytes = 0;
  for (const segments of disk.held(renderId).values())
    for (const segment of segments.values()) bytes += segment.bytes;
  return bytes;
}
