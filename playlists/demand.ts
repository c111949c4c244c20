import { LRUCache } from 'lru-cache';
import type { NewDemand, NewView } from '../src/catalog/demand.ts';
import { segmentCount, segmentStart } from '../src/grid/grid.ts';
import { reachParts } from '../src/policy/facts.ts';
import type { Rendition } from '../src/render/profile.ts';
import type { PolicyCatalog } from './policy-catalog.ts';
import type { RenderFacts } from './render-facts.ts';

type Watched = Pick<RenderFacts, 'videoId' | 'grid' | 'duration' | 'renditions'>;

/** Notes who watches what, from the requests that this process answers. */
export interface DemandRecorder {
  /** A session has begun. What its playlist lists in the bucket, `sealed` segments, it never asks for here: that counts as watched. */
  began(facts: Watched, viewer: string, sealed: number): void;
  /** Segment n of a rendition was asked for. */
  watched(facts: Watched, viewer: string, rendition: Rendition, n: number): void;
  /** Writes what was seen; with `isLast` also what is still being watched. What fails is kept for the next call. */
  flush(isLast?: boolean): Promise<void>;
  /** Videos of which something is to be written. */
  readonly waiting: number;
}

type Sum = { -readonly [K in keyof NewDemand]: K extends 'reach' ? number[] : NewDemand[K] };

/** What one viewer watches in one piece. Segments `from` to `to`, exclusive. */
interface Piece {
  readonly videoId: string;
  readonly viewer: string;
  readonly at: number;
  readonly from: number;
  to: number;
  seenAt: number;
  readonly facts: Watched;
}

/** A view has ended when nothing was asked for this long, in milliseconds. */
const silentMs = 60_000;
/** Bounds: what goes beyond is forgotten, oldest first. */
const most = { videos: 10_000, pieces: 20_000, viewers: 200_000, views: 20_000 };
/** A segment follows a piece where it comes so soon after its end. */
const follows = 2;
/** Pieces of one viewer at once: several people may look like one. */
const piecesOfOne = 8;

/** Starts with nothing seen. `now`: milliseconds since 1970. */
export function demandRecorder(catalog: Pick<PolicyCatalog, 'addDemand'>, now: () => number): DemandRecorder {
  let sums = new Map<string, Sum>();
  let ended: NewView[] = [];
  const known = new LRUCache<string, true>({ max: most.viewers });
  const pieces = new Map<string, Piece[]>();
  let pieceCount = 0;

  const sumOf = ({ videoId }: Watched): Sum => {
    let sum = sums.get(videoId);
    if (sum === undefined) {
      if (sums.size >= most.videos) sums.delete(sums.keys().next().value ?? '');
      const reach = Array.from({ length: reachParts }, () => 0);
      sum = { videoId, at: now(), views: 0, viewers: 0, minutesWatched: 0, reach };
      sums.set(videoId, sum);
    }
    sum.at = now();
    return sum;
  };
  const noteViewer = (facts: Watched, viewer: string): void => {
    const key = `${facts.videoId} ${viewer}`;
    const sum = sumOf(facts);
    if (!known.has(key)) sum.viewers += 1;
    known.set(key, true);
  };
  const noteSegments = (facts: Watched, from: number, to: number): void => {
    const sum = sumOf(facts);
    for (let n = from; n < to; n += 1) {
      const [start, end] = [secondsAt(facts, n), secondsAt(facts, n + 1)];
      sum.minutesWatched += (end - start) / 60;
      spread(sum.reach, start / facts.duration, end / facts.duration);
    }
  };
  const close = ({ videoId, viewer, at, from, to, facts }: Piece): void => {
    pieceCount -= 1;
    if (to <= from || ended.length >= most.views) return;
    ended.push({ videoId, viewer, at, from: secondsAt(facts, from), to: secondsAt(facts, to) });
  };
  const open = (facts: Watched, viewer: string, from: number, to: number): void => {
    const key = `${facts.videoId} ${viewer}`;
    const all = pieces.get(key) ?? [];
    all.push({ videoId: facts.videoId, viewer, at: now(), from, to, seenAt: now(), facts });
    pieceCount += 1;
    if (all.length > piecesOfOne) for (const piece of all.splice(0, 1)) close(piece);
    pieces.set(key, all);
    if (pieceCount <= most.pieces) return;
    const [oldest = '', gone = []] = pieces.entries().next().value ?? [];
    pieces.delete(oldest);
    for (const piece of gone) close(piece);
  };

  return {
    began(facts, viewer, sealed) {
      sumOf(facts).views += 1;
      noteViewer(facts, viewer);
      const count = Math.min(sealed, segmentCount(facts.grid));
      noteSegments(facts, 0, count);
      open(facts, viewer, 0, count);
    },
    watched(facts, viewer, { kind }, n) {
      // One rendition stands for all that a viewer gets.
      const hasVideo = facts.renditions.some((one) => one.kind === 'video');
      if (kind !== (hasVideo ? 'video' : 'audio')) return;
      const all = pieces.get(`${facts.videoId} ${viewer}`) ?? [];
      const piece = all.find(({ from, to }) => from <= n && n <= to + follows);
      if (piece === undefined) {
        if (all.length === 0) sumOf(facts).views += 1;
        noteViewer(facts, viewer);
        noteSegments(facts, n, n + 1);
        open(facts, viewer, n, n + 1);
        return;
      }
      piece.seenAt = now();
      if (n < piece.to) return;
      noteSegments(facts, n, n + 1);
      piece.to = n + 1;
    },
    async flush(isLast = false) {
      for (const [key, all] of pieces) {
        const over = all.filter(({ seenAt }) => isLast || now() - seenAt >= silentMs);
        for (const piece of over) close(piece);
        const left = all.filter((piece) => !over.includes(piece));
        if (left.length === 0) pieces.delete(key);
        else pieces.set(key, left);
      }
      const [seen, views] = [sums, ended];
      if (seen.size + views.length === 0) return;
      [sums, ended] = [new Map(), []];
      try {
        await catalog.addDemand([...seen.values()], views);
      } catch (error) {
        // Kept for the next time, as far as there is room.
        for (const [videoId, sum] of seen)
          if (sums.size < most.videos) sums.set(videoId, merged(sum, sums.get(videoId)));
        ended = [...views, ...ended].slice(0, most.views);
        throw error;
      }
    },
    get waiting() {
      return sums.size + ended.length;
    },
  };
}

/** Where a segment begins, in seconds; after the last one: the end. */
const secondsAt = ({ grid, duration }: Watched, n: number): number =>
  n >= segmentCount(grid) ? duration : segmentStart(grid, 'video', n);

/** Adds to each part how much of it lies between two points (parts of the whole). */
function spread(reach: number[], from: number, to: number): void {
  const first = Math.max(0, Math.floor(from * reachParts));
  const last = Math.min(reachParts - 1, Math.ceil(to * reachParts - 1e-9) - 1);
  for (let part = first; part <= last; part += 1) {
    const overlap = Math.min(to * reachParts, part + 1) - Math.max(from * reachParts, part);
    reach[part] = (reach[part] ?? 0) + Math.max(0, overlap);
  }
}

function merged(a: Sum, b: Sum | undefined): Sum {
  if (b === undefined) return a;
  return {
    videoId: a.videoId,
    at: Math.max(a.at, b.at),
    views: a.views + b.views,
    viewers: a.viewers + b.viewers,
    minutesWatched: a.minutesWatched + b.minutesWatched,
    reach: a.reach.map((part, index) => part + (b.reach[index] ?? 0)),
  };
}
