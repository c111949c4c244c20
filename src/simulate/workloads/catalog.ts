import type { TraceEvent, TraceVideo } from '../trace.ts';

/** A source of numbers in [0, 1). */
export type Random = () => number;

/** Kinds of videos in made-up workloads: how many, how long, how costly, and how likely nobody comes back. */
const kinds = {
  /** Drafts that their author looks at. */
  preview: { share: 0.35, seconds: 40, size: 360, rate: 120_000, cpu: 0.8, once: 0.85, again: 1 },
  /** Short videos for everybody. */
  clip: { share: 0.5, seconds: 75, size: 720, rate: 330_000, cpu: 1.6, once: 0.36, again: 4 },
  /** Long ones, dear to render. */
  film: { share: 0.15, seconds: 420, size: 1080, rate: 520_000, cpu: 4, once: 0.15, again: 9 },
} as const;

/** One of the kinds, which is also the label. */
export type Kind = keyof typeof kinds;

/** Facts of a kind that workloads use. */
export const kindOf = (video: TraceVideo): (typeof kinds)[Kind] => kinds[video.labels[0] as Kind];

/** About this many seconds a segment has. */
const segmentSeconds = 4;

/** A number with this median, spread as lengths and costs of videos are (log-normal). */
function spread(random: Random, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(sigma * normal);
}

/** Videos of all kinds. */
export function makeVideos(random: Random, count: number): TraceVideo[] {
  return Array.from({ length: count }, (_, number) => {
    const pick = random();
    const kind: Kind =
      pick < kinds.preview.share
        ? 'preview'
        : pick < kinds.preview.share + kinds.clip.share
          ? 'clip'
          : 'film';
    const { seconds: median, size, rate, cpu } = kinds[kind];
    const seconds = Math.min(3600, Math.max(8, Math.round(spread(random, median, 0.6))));
    return {
      id: `v${number}`,
      labels: [kind],
      seconds,
      size,
      segments: Math.ceil(seconds / segmentSeconds) + 2,
      cpuSeconds: seconds * spread(random, cpu, 0.5),
      renditions: [
        { name: `${size}p`, kind: 'video', bytes: Math.round(seconds * spread(random, rate, 0.3)) },
        { name: 'audio', kind: 'audio', bytes: seconds * 16_000 },
      ],
    };
  });
}

/** How often something of this mean happens. */
export function poisson(random: Random, mean: number): number {
  if (mean > 50)
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * (spread(random, 1, 1) - 1.65) * 0.46));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

/** A time to the next of events that come at random, of this mean. */
export const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random());

/** An age at which a video is watched: soon at first, with a long tail (a power law), in seconds. */
export const fadingAge = (random: Random, scale: number): number =>
  scale * ((1 - random()) ** (-1 / 0.7) - 1);

/** Somebody watches a video from its beginning: six of ten to its end, the others leave anywhere, rather early. */
export function viewAt(random: Random, videos: readonly TraceVideo[], video: number, at: number): TraceEvent {
  const { seconds = 1 } = videos[video] ?? {};
  const to = random() < 0.6 ? seconds : Math.max(2, seconds * random() ** 1.5);
  return { kind: 'view', at, video, from: 0, to };
}

/** In order of time, and only what lies within the trace. */
export const inOrder = (events: readonly TraceEvent[], seconds: number): TraceEvent[] =>
  events.filter(({ at }) => at >= 0 && at < seconds).toSorted((a, b) => a.at - b.at);
