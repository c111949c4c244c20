import { hostname } from 'node:os';
import { join } from 'node:path';
import { removeCopies } from '../catalog/copies.ts';
import type { NodeAnnouncement } from '../catalog/nodes.ts';
import { subscribe } from '../catalog/wake.ts';
import { startCopying } from '../copy/copying.ts';
import { startIngest } from '../ingest/ingest.ts';
import { ingestRoutes } from '../ingest/routes.ts';
import { openSpool } from '../ingest/spool.ts';
import { childMemory } from '../ops/child-limits.ts';
import type { NodeConfig } from '../ops/config.ts';
import { listen } from '../ops/listen.ts';
import type { Log } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';
import { requestObserver } from '../ops/request-log.ts';
import { defaultRunLimits } from '../render/ffmpeg/run.ts';
import { moduleNamed } from '../render/module/registry.ts';
import { createRenderer, type SegmentSpent } from '../render/renderer.ts';
import { uploadsFolder } from '../store/segments-folder.ts';
import { goThroughDisks } from './adopt.ts';
import { nodeApp } from './app.ts';
import { startCalibrating } from './calibrate.ts';
import { copyCare } from './copy-care.ts';
import { copyNotes } from './copy-notes.ts';
import { type DiskRoom, usedPart } from './disk-room.ts';
import { nodeEnd } from './end.ts';
import { startExposure } from './exposure.ts';
import { startHeartbeat } from './heartbeat.ts';
import { segmentMaker } from './make-segment.ts';
import { meterCopies } from './meter-copies.ts';
import { nodeMetrics } from './node-metrics.ts';
import { childCpu } from './policy/child-cpu.ts';
import { largestOf } from './policy/largest.ts';
import { machineLoad } from './policy/load.ts';
import { nodePolicyRoutes } from './policy/routes.ts';
import { type NodePolicy, startPolicy } from './policy/start.ts';
import { watchingHere } from './policy/watching.ts';
import { uncopied } from './reconcile.ts';
import { startReconciliation } from './reconciliation.ts';
import { startRenders } from './renders.ts';
import { replicaRenderer } from './replica/render.ts';
import { startReplicating } from './replica/replicate.ts';
import { openResources } from './resources.ts';
import { urlSigner } from './sign.ts';
import { startTakeover } from './takeover.ts';

/** A running node. */
export interface RunningNode extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /**
   * Drains: takes nothing new, ends or hands over what it renders, copies what only it holds, serving all the while; then
   * stops. It is over within `seconds` (default: SEGUE_DRAIN_SECONDS) and a few more. Called again, the earlier end counts.
   */
  stop(seconds?: number): Promise<void>;
  /** Resolves once it has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
}

/** Encoders at once: the second hides the start and the end of the first; more would only slow what somebody waits for. */
const encoders = 2;
/** ffmpeg's niceness: what is made must not keep what is finished from being served. */
const niceness = 10;
/** Uploads at once: enough to fill a line, few enough to leave the encoders their cores. */
const uploads = 3;
/** Time that a stopping node gives to requests under way, in milliseconds: with the above, less than a process has to stop. */
const closeMs = 2_000;

/**
 * Starts a node: opens its disk and those that it adopts, corrects its rows, announces itself, serves and renders. Throws where the
 * database cannot be migrated, no ffmpeg is found, the port is taken, or another process or node has a disk; whatever was opened
 * is closed then.
 */
export async function startNode(
  config: NodeConfig,
  { log, metrics }: { log: Log; metrics: Metrics },
): Promise<RunningNode> {
  await using opened = new AsyncDisposableStack();
  const stopped = new AbortController();
  const { nodeId, leaseSeconds } = config;
  const resources = await openResources(config, log, opened);
  const { ffmpeg, tracing, catalog, pulse, disks, segments, space, bucket, assets, modules } = resources;
  const disk = disks.store;
  const load = machineLoad(segments);
  const watching = watchingHere();
  const adopted = await goThroughDisks({ catalog, disks, nodeId, log });

  const facts = { slots: encoders, ffmpeg: ffmpeg.version };
  let beatAt = performance.now();
  let ready = true;
  let url = config.url ?? '';
  const announcement = (): NodeAnnouncement => ({
    id: nodeId,
    url,
    host: hostname(),
    pid: process.pid,
    state: ready ? 'ready' : 'draining',
    load: {
      renders: renders.leases().length + ingest.leases().length,
      encoders: renders.encoding,
      copyQueue: copying.pending,
      copyHeld: copying.states.held,
      diskBytes: disk.bytes,
      residentBytes: process.memoryUsage.rss(),
      slots: encoders,
      weight: config.weight,
      diskUsed: usedPart(disk.ownBytes, space.free),
      tight: room() === 'plenty' ? 0 : 1,
      failures: renders.failures,
      cpu: load().cpu,
      copyRate: notes.bytesPerSecond,
    },
  });
  const measures = nodeMetrics(metrics, facts, () => ({
    encoders: renders.encoding,
    unrecorded: renders.unrecorded,
    diskBytes: disk.bytes,
    diskUsed: usedPart(disk.ownBytes, space.free),
    copyQueue: copying.pending,
    copies: copying.states,
    renders: renders.leases().length,
    streams: ingest.leases().length,
    heartbeatAge: (performance.now() - beatAt) / 1000,
    costRatio: calibrating.speed,
  }));
  measures.adopted(adopted);
  const cpu = meterCopies(() => renders.encoding === 0 && ingest.leases().length === 0);
  opened.defer(() => cpu.stop());
  const notes = copyNotes();
  const copying = startCopying({
    disk,
    bucket,
    catalog,
    log,
    concurrency: uploads,
    cpu: () => load().cpu,
    onCopied: (task, outcome, bytes, seconds) => {
      notes.copied(task, outcome, bytes);
      measures.copied(task, outcome, bytes, seconds);
      measures.copyCpu(cpu.copied(bytes));
    },
    onFailed: measures.notCopied,
    onSealFailed: measures.notSealed,
    tracing,
    onDamaged: ({ renderId, rendition, n }) => damaged(renderId, rendition, n),
  });
  opened.defer(() => copying.stop());
  const largest = largestOf();
  /** Nothing is decided before everything that it is decided by is there. */
  let deciding: NodePolicy | undefined;
  const room = (): DiskRoom => deciding?.room() ?? space.room;
  const folder = join(config.dataFolder, 'text');
  const calibrating = await startCalibrating({ catalog, nodeId, log });
  opened.defer(() => calibrating.stop());
  const onSpent = (spent: SegmentSpent): void => calibrating.observe(spent);
  const limits = { ...defaultRunLimits, memory: config.renderMemoryBytes ?? childMemory(encoders) };
  const renderer = createRenderer({ ffmpeg, assets, modules, folder, limits, niceness, onSpent });
  const renders = startRenders({
    catalog,
    nodeId,
    log,
    encoders,
    leaseSeconds,
    aheadSeconds: config.renderAheadSeconds,
    hasEncoder: (name) => ffmpeg.encoders.has(name),
    isHere: (renderId, rendition, n) => disk.facts(renderId, rendition, n) !== undefined,
    keepOf: (renderId) => deciding?.keepOf(renderId),
    room,
    makeSegment: segmentMaker({ renderer, disk, catalog, log, cpu: childCpu() }),
    onFailed: measures.notMade,
    onMade: (made) => {
      measures.made(made);
      largest.note(made.bytes);
      notes.made(made);
      deciding?.look(made.renderId);
    },
    onGivenUp: measures.renderFailed,
    tracing,
  });

  opened.use(renders);
  const ingest = startIngest({
    catalog,
    nodeId,
    disk,
    spool: await openSpool(join(segments, uploadsFolder)),
    log,
    leaseSeconds,
    isFull: () => room() === 'full',
    onWritten: (segment) => {
      const { renderId, rendition, kind, container, n, bytes, durationUs, discontinuity } = segment;
      measures.taken(segment);
      largest.note(bytes);
      deciding?.copyForeign({ renderId, rendition, kind, container, n, trace: tracing?.current() });
      log.info({ renderId, rendition, n, bytes, durationUs, discontinuity }, 'segment taken in');
    },
    onSkipped: measures.skipped,
  });
  opened.use(ingest);
  const damaged = (renderId: string, rendition: string, n: number): void => {
    measures.damaged();
    log.error({ renderId, rendition, n }, 'segment on disk was damaged: removed, to be made again');
    removeCopies(catalog.db, renderId, rendition, nodeId, [[n, n + 1]])
      .then(() => renders.lost(renderId, rendition, n))
      .catch((error: unknown) => log.error({ err: error, renderId, n }, 'damaged segment not yet replaced'));
  };

  const policy = await startPolicy({
    catalog,
    nodeId,
    leaseSeconds,
    disk,
    bucket,
    copying,
    watching,
    load,
    space,
    budgetBytes: config.diskBudgetBytes,
    // As much as every encoder and every upload may be about to write.
    underWay: () => largest.bytes * (encoders + uploads),
    self: () => announcement(),
    isHeld: (id) => renders.leases().some(({ renderId }) => renderId === id),
    isUncopyable: notes.isUncopyable,
    traceOf: notes.traceOf,
    onEvicted: measures.evicted,
    log,
  });
  opened.use(policy);
  deciding = policy;

  const care = copyCare({
    catalog,
    bucket,
    disk,
    copying,
    log,
    onLost: measures.lost,
    signal: stopped.signal,
  });
  const findUncopied = (): Promise<void> =>
    copying.resume(
      () => uncopied({ catalog, disk, bucket, nodeId, log, isWanted: policy.wants }, stopped.signal),
      stopped.signal,
      ({ renderId }) => policy.look(renderId),
    );
  const reconciliation = startReconciliation({
    catalog,
    bucket,
    disk,
    lost: care.lost,
    nodeId,
    log,
    leaseSeconds,
    settings: config.sweep,
    isHeld: (id) => [...renders.leases(), ...ingest.leases()].some(({ renderId }) => renderId === id),
    remake: (renderId, rendition, n) => renders.lost(renderId, rendition, n),
    copyAll: () => void findUncopied(),
    measures,
  });
  opened.use(reconciliation);

  const request = requestObserver(log, metrics);
  const signer = urlSigner(config.secret);
  const app = nodeApp({
    disk,
    renders,
    signer,
    secret: config.secret,
    metrics,
    tracing,
    onRequest: (event) => {
      cpu.otherWork();
      request(event);
    },
    pinAsset: (src, signal) => assets.pin(src, AbortSignal.any([signal, stopped.signal])),
    moduleHash: (name) => Promise.resolve(moduleNamed(modules, name).sha256),
    onDamaged: damaged,
    isReady: () => ready,
    checkCopy: (copy) => care.lost.check(copy),
    readCopy: (copy) => care.read(copy),
    reconciling: reconciliation,
    onPlayed: (renderId, n) => watching.note(renderId, n),
    drain: (seconds) => void end.stop(seconds),
  });
  app.route('/', nodePolicyRoutes(policy));
  app.route('/', ingestRoutes(ingest, log));
  const listening = await listen(app, config.host, config.port, { halfOpen: true });
  opened.defer(() => listening.close(closeMs));
  url = config.url ?? listening.url;

  const heartbeat = await startHeartbeat({
    catalog: pulse,
    holders: [renders, ingest],
    leaseSeconds,
    log,
    onBeat: () => {
      beatAt = performance.now();
    },
    announcement,
  });
  const takeover = startTakeover({
    catalog,
    nodeId,
    leaseSeconds,
    log,
    isReady: () => ready,
    takeOver: (abandoned) => renders.takeOver(abandoned),
    onTaken: measures.takenOver,
  });
  opened.defer(() => takeover.stop());
  const replicating = startReplicating({
    catalog,
    nodeId,
    leaseSeconds,
    log,
    disk,
    signer,
    isReady: () => ready && room() === 'plenty',
    isIdle: () => renders.encoding < encoders,
    render: replicaRenderer(renderer, catalog),
    onStray: policy.stray,
    onReplica: measures.replica,
  });
  opened.defer(() => replicating.stop());
  const exposure = startExposure({
    catalog,
    nodeId,
    leaseSeconds,
    log,
    onExposure: measures.exposure,
  });
  opened.defer(() => exposure.stop());
  const endings = await subscribe(
    catalog,
    (change) => {
      care.hear(change);
      policy.hear(change);
      replicating.hear(change);
    },
    // Whatever was announced meanwhile was missed.
    () => void findUncopied(),
  );
  opened.defer(() => endings.stop().catch(() => undefined));
  const finding = findUncopied();
  log.info({ url, ffmpeg: ffmpeg.version, segmentBytes: disk.bytes }, 'node ready');

  const parts = opened.move();
  const end = nodeEnd({
    nodeId,
    leaseSeconds,
    drainSeconds: config.drainSeconds,
    catalog,
    pulse,
    heartbeat,
    ingest,
    renders,
    policy,
    copying,
    finding,
    stopped,
    onBegin: () => {
      ready = false;
    },
    close: () => parts.disposeAsync(),
    log,
  });
  const stopWithoutDisk = (): void => {
    log.error({ err: disks.lost.reason as unknown }, 'stopping: a disk is lost to another node');
    end.stop(0).catch((error: unknown) => log.error({ err: error }, 'stopping failed'));
  };
  if (disks.lost.aborted) stopWithoutDisk();
  else disks.lost.addEventListener('abort', stopWithoutDisk, { once: true });
  return {
    url,
    stop: (seconds) => end.stop(seconds),
    stopped: end.ended,
    [Symbol.asyncDispose]: () => end.stop(),
  };
}
