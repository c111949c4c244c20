import { seededSequence } from '../../description/random.ts';
import type { Trace, TraceEvent, TraceVideo } from '../trace.ts';
import {
  exponential,
  fadingAge,
  inOrder,
  kindOf,
  makeVideos,
  poisson,
  type Random,
  viewAt,
} from './catalog.ts';
import type { workloadNames } from './names.ts';

/** Demand that is made up, always the same for the same size and seed. */
export interface Workload {
  readonly name: (typeof workloadNames)[number];
  readonly about: string;
  /** How many days it lasts unless asked otherwise. */
  readonly days: number;
  events(random: Random, videos: readonly TraceVideo[], seconds: number, nodes: number): TraceEvent[];
}

const day = 86_400;

/**
 * Videos are first watched, by who made them, at random times of the first half: so that each is seen, and its copies are paid for, for as
 * long as the other half lasts.
 */
function births(random: Random, videos: readonly TraceVideo[], seconds: number): number[] {
  return videos.map(() => (random() * seconds) / 2);
}

/** Further views of one video, as its kind has them: none for many, a few for most, ever more seldom. */
function fading(random: Random, videos: readonly TraceVideo[], video: number, born: number): TraceEvent[] {
  const facts = videos[video];
  if (facts === undefined) return [];
  const { once, again } = kindOf(facts);
  if (random() < once) return [];
  const count = 1 + poisson(random, exponential(random, again));
  return Array.from({ length: count }, () =>
    viewAt(random, videos, video, born + 30 + fadingAge(random, 4 * 3600)),
  );
}

const watchedOnce: Workload = {
  name: 'watched-once',
  about:
    'Half of the videos are watched once, by who made them; the others a few times more, ever more seldom.',
  days: 60,
  events: (random, videos, seconds) =>
    births(random, videos, seconds).flatMap((born, video) => [
      viewAt(random, videos, video, born),
      ...fading(random, videos, video, born),
    ]),
};

const zipf: Workload = {
  name: 'zipf',
  about:
    'Popularity by Zipf, the same for as long as a video exists: a few are watched all the time, most hardly.',
  days: 60,
  events(random, videos, seconds) {
    const all = videos.reduce((sum, _, rank) => sum + 1 / (rank + 1), 0);
    const views = videos.length * 3;
    return births(random, videos, seconds).flatMap((born, video) => {
      const left = 1 - born / seconds;
      const count = poisson(random, (views / (video + 1) / all) * left);
      return [
        viewAt(random, videos, video, born),
        ...Array.from({ length: count }, () =>
          viewAt(random, videos, video, born + random() * (seconds - born)),
        ),
      ];
    });
  },
};

const flashCrowd: Workload = {
  name: 'flash-crowd',
  about:
    'As watched-once; and each 400th video is found by a crowd within an hour, hours or weeks after it was made.',
  days: 60,
  events(random, videos, seconds, nodes) {
    const events = watchedOnce.events(random, videos, seconds, nodes);
    const crowds = Math.ceil(videos.length / 400);
    for (let crowd = 0; crowd < crowds; crowd += 1) {
      const first = events[Math.floor(random() * events.length)];
      if (first?.kind !== 'view') continue;
      const at = first.at + exponential(random, 4 * day);
      const size = 100 + exponential(random, 600);
      for (let viewer = 0; viewer < size; viewer += 1)
        events.push(viewAt(random, videos, first.video, at + exponential(random, 1800)));
    }
    return events;
  },
};

/** How busy an hour of the day is, 0 to 1: quiet at four in the morning, busiest at eight in the evening. */
const busy = (at: number): number => 0.55 + 0.45 * Math.sin(((at / 3600 - 14) / 24) * 2 * Math.PI);

const diurnal: Workload = {
  name: 'diurnal',
  about: 'As watched-once, but hardly anybody is awake at four in the morning.',
  days: 60,
  events(random, videos, seconds, nodes) {
    /** Who comes at a quiet time comes later. */
    const shifted = (at: number): number => {
      let time = at;
      for (let tries = 0; tries < 48 && random() > busy(time); tries += 1) time += 3600 * random();
      return time;
    };
    const seen = new Map<number, number>();
    return watchedOnce.events(random, videos, seconds, nodes).map((event) => {
      if (event.kind !== 'view') return event;
      const at = Math.max(shifted(event.at), seen.get(event.video) ?? 0);
      if (!seen.has(event.video)) seen.set(event.video, at);
      return { ...event, at };
    });
  },
};

const nodeFailures: Workload = {
  name: 'node-failures',
  about:
    'As watched-once, on nodes that are lost with their disks three times a month, each second time foretold.',
  days: 60,
  events(random, videos, seconds, nodes) {
    const events = watchedOnce.events(random, videos, seconds, nodes);
    for (let node = 0; node < nodes; node += 1) {
      let foretold = false;
      for (let at = exponential(random, 10 * day); at < seconds; at += exponential(random, 10 * day)) {
        if (foretold) events.push({ kind: 'trouble', at: at - 300, node, seconds: 300 });
        foretold = !foretold;
        events.push({ kind: 'loss', at, node, seconds: 900 });
      }
    }
    return events;
  },
};

/** The workloads that are made up, by name. */
export const workloads: readonly Workload[] = [zipf, watchedOnce, flashCrowd, diurnal, nodeFailures];

/** Size of a made-up workload. */
export interface WorkloadSize {
  readonly videos: number;
  readonly days?: number | undefined;
  readonly seed?: number | undefined;
  readonly nodes?: number | undefined;
  /** Part of all bytes that the disks hold together. */
  readonly diskPart?: number | undefined;
}

/** Any moment will do, as long as it is the same: midnight, UTC. */
const startedAt = Date.UTC(2026, 0, 5);

/** Makes up a trace. */
export function makeTrace(workload: Workload, size: WorkloadSize): Trace {
  const { seed = 1, nodes = 4, diskPart = 0.4 } = size;
  const seconds = (size.days ?? workload.days) * day;
  const videos = makeVideos(seededSequence(seed, workload.name, 'videos'), size.videos);
  const random = seededSequence(seed, workload.name, 'events');
  const bytes = videos.reduce(
    (sum, { renditions }) => sum + renditions.reduce((total, rendition) => total + rendition.bytes, 0),
    0,
  );
  return {
    name: workload.name,
    seconds,
    nodes,
    diskBytes: Math.max(1_000_000, Math.round((bytes * diskPart) / nodes)),
    startedAt,
    videos,
    events: inOrder(workload.events(random, videos, seconds, nodes), seconds),
  };
}
