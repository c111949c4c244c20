import type { Db } from '../../src/catalog/connect.ts';
import { trimEvents } from '../../src/catalog/events.ts';
import {
  addAnswers,
  historyStepSeconds,
  type Sample,
  setSample,
  trimHistory,
} from '../../src/catalog/history.ts';
import { allNodes, markSilentNodes, type NodeRow } from '../../src/catalog/nodes.ts';
import { type ListedVideo, unsealedVideos, watchedLeases } from '../../src/catalog/video-list.ts';
import type { StepResult } from '../../src/ops/loop.ts';
import type { AnswerCounts } from './answer-counts.ts';
import { type Playheads, watchedMs } from './playheads.ts';
import { videoRow } from './video-row.ts';

/** Exposure is looked for in so many of the newest videos that are not wholly in the bucket, so many at a time. */
const mostVideos = 5000;
const pageVideos = 250;
/** A node that has been silent for longer is history, in milliseconds. */
const deadMs = 3_600_000;
/** Services whose clocks agree do not all write at once, in milliseconds. */
const spreadMs = 1000;

/** What sampling needs. */
export interface SamplerOptions {
  readonly db: Db;
  readonly answers: AnswerCounts;
  readonly playheads: Playheads;
  /** Age of a heartbeat after which a node counts as dead. */
  readonly liveSeconds: number;
  readonly random?: () => number;
}

/**
 * Adds what this service has answered to the history, and, where it is the first to do so in its quarter of a minute, everything else:
 * so one of all services takes the sample, without an election.
 */
export function samplerStep(options: SamplerOptions): (signal: AbortSignal) => Promise<StepResult> {
  const { db, answers, liveSeconds, random = Math.random } = options;
  let succeededAt = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const counted = answers.counts();
    const { at, isFirst, nextSeconds } = await addAnswers(db, counted);
    answers.subtract(counted);
    const now = performance.now();
    // After an interruption of the database every node seems to be silent, until its next beat.
    const isSteady = now - succeededAt < 2000 * historyStepSeconds;
    if (isFirst) {
      if (isSteady) await markSilentNodes(db, liveSeconds);
      await setSample(db, at, await sampleOf(options, signal));
      await trimHistory(db);
      await trimEvents(db);
    }
    succeededAt = now;
    return nextSeconds * 1000 + random() * spreadMs;
  };
}

async function sampleOf(
  { db, playheads, liveSeconds }: SamplerOptions,
  signal: AbortSignal,
): Promise<Sample> {
  const nodes = await allNodes(db, liveSeconds);
  const watched = new Set(playheads.all().keys());
  for (const { renderId } of await watchedLeases(db, watchedMs / 1000, mostVideos)) watched.add(renderId);
  return {
    ...nodeFigures(nodes),
    ...(await exposureFigures(db, nodes, signal)),
    watchedVideos: watched.size,
  };
}

function nodeFigures(nodes: readonly NodeRow[]): Sample {
  const live = nodes.filter(({ state }) => state !== 'dead');
  const sum = (of: (node: NodeRow) => number): number => live.reduce((total, node) => total + of(node), 0);
  const most = (of: (node: NodeRow) => number): number | null =>
    live.length === 0 ? null : Math.max(...live.map(of));
  const ended = Date.now() - deadMs;
  return {
    nodesReady: live.filter(({ state }) => state === 'ready').length,
    nodesDraining: live.filter(({ state }) => state === 'draining').length,
    nodesDead: nodes.filter(({ state, heartbeatAt }) => state === 'dead' && heartbeatAt.getTime() > ended)
      .length,
    cpuMean: live.length === 0 ? null : sum(({ load }) => load.cpu ?? 0) / live.length,
    cpuMost: most(({ load }) => load.cpu ?? 0),
    diskMost: most(({ load }) => load.diskUsed ?? 0),
    renderingVideos: sum(({ load }) => load.renders),
    encoders: sum(({ load }) => load.encoders),
    copyQueue: sum(({ load }) => load.copyQueue),
    copyRate: sum(({ load }) => load.copyRate ?? 0),
  };
}

async function exposureFigures(db: Db, nodes: readonly NodeRow[], signal: AbortSignal): Promise<Sample> {
  const live = new Set(nodes.filter(({ state }) => state !== 'dead').map(({ id }) => id));
  let [exposureSeconds, exposedVideos] = [0, 0];
  let after: ListedVideo | undefined;
  // Page by page: viewers are served between two of them.
  for (let seen = 0; seen < mostVideos; seen += pageVideos) {
    signal.throwIfAborted();
    const page = await unsealedVideos(db, pageVideos, after);
    for (const video of page) {
      const seconds = videoRow(video, live).exposureSeconds;
      exposureSeconds += seconds;
      if (seconds > 0) exposedVideos += 1;
    }
    after = page.at(-1);
    if (page.length < pageVideos) break;
  }
  return { exposureSeconds, exposedVideos };
}
