import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { openAssets } from '../asset/pin.ts';
import { openCatalog } from '../catalog/connect.ts';
import { removeCopies } from '../catalog/copies.ts';
import { migrateCatalog } from '../catalog/migrate.ts';
import { type NodeAnnouncement, retireNode } from '../catalog/nodes.ts';
import { subscribe } from '../catalog/wake.ts';
import { startCopying } from '../copy/copying.ts';
import { type CopyTask, orAborted } from '../copy/uploader.ts';
import { startIngest } from '../ingest/ingest.ts';
import { ingestRoutes } from '../ingest/routes.ts';
import { openSpool } from '../ingest/spool.ts';
import { childMemory } from '../ops/child-limits.ts';
import type { NodeConfig } from '../ops/config.ts';
import { listen } from '../ops/listen.ts';
import type { Log } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';
import { openTracing } from '../ops/otlp.ts';
import { requestObserver } from '../ops/request-log.ts';
import type { TraceHeaders } from '../ops/trace.ts';
import { findFfmpeg } from '../render/ffmpeg/find.ts';
import { defaultRunLimits } from '../render/ffmpeg/run.ts';
import { loadModules, moduleNamed } from '../render/module/registry.ts';
import { createRenderer, type SegmentSpent } from '../render/renderer.ts';
import { assetBucket } from '../store/asset-bucket.ts';
import { openBucket } from '../store/bucket.ts';
import { segmentsFolder, uploadsFolder } from '../store/segments-folder.ts';
import { goThroughDisks } from './adopt.ts';
import { announcementOf } from './announcement.ts';
import { nodeApp } from './app.ts';
import { startCalibrating } from './calibrate.ts';
import { copyCare } from './copy-care.ts';
import { copyRate } from './copy-rate.ts';
import { type DiskRoom, watchDisk } from './disk-room.ts';
import { openDisks } from './disks.ts';
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
import { whenReplicated } from './replica/safe.ts';
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

const copyName = ({ renderId, rendition, n }: Pick<CopyTask, 'renderId' | 'rendition' | 'n'>): string =>
  `${renderId}/${rendition}/${n}`;

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
  const ffmpeg = await findFfmpeg({ ffmpegPath: config.ffmpegPath });
  if (ffmpeg.warning !== undefined) log.warn({ ffmpeg: ffmpeg.path }, ffmpeg.warning);
  await migrateCatalog(config.databaseUrl);
  await using opened = new AsyncDisposableStack();
  const stopped = new AbortController();
  const drained = new AbortController();
  const finished = Promise.withResolvers<void>();
  const segments = join(config.dataFolder, segmentsFolder);
  const { nodeId, leaseSeconds } = config;
  const tracing = await openTracing(config.tracesUrl, { service: 'segue-node', instance: nodeId }, log);
  opened.defer(() => tracing?.close());
  const applicationName = `segue-${config.nodeId}`;
  const catalog = openCatalog(config.databaseUrl, { applicationName });
  opened.defer(() => catalog.close());
  // A beat that hangs is given up while there is still time for another one within the lease.
  const queryTimeoutMs = (config.leaseSeconds * 1000) / 3;
  const pulse = openCatalog(config.databaseUrl, { applicationName, max: 2, queryTimeoutMs });
  opened.defer(() => pulse.close());
  const { adopt } = config;
  const disks = opened.use(
    await openDisks({ catalog, pulse, nodeId, leaseSeconds, own: segments, adopt, log }),
  );
  const disk = disks.store;
  const space = watchDisk(segments, config.diskReserveBytes);
  const load = machineLoad(segments);
  const watching = watchingHere();
  const bucket = openBucket(config.bucket);
  opened.defer(() => bucket.close());
  const assets = await openAssets({
    folder: join(config.dataFolder, 'assets'),
    assetFolders: config.assetFolders,
    assetHosts: config.assetHosts,
    ffmpeg: ffmpeg.path,
    bucket: assetBucket(bucket),
    freeBytes: () => space.free,
  });
  opened.defer(() => assets.stop());
  const modules = await loadModules(config.modulesFolder);
  const adopted = await goThroughDisks({ catalog, disks, nodeId, log });

  const facts = { slots: encoders, ffmpeg: ffmpeg.version };
  let beatAt = performance.now();
  let ready = true;
  let url = config.url ?? '';
  const announcement = (): NodeAnnouncement => {
    const work = {
      renders: renders.leases().length + ingest.leases().length,
      encoders: renders.encoding,
      copyQueue: copying.pending,
      failures: renders.failures,
      copyRate: copied.perSecond,
    };
    const machine = { diskBytes: disk.bytes, diskUsed: space.used, cpu: load().cpu };
    const placed = { slots: encoders, weight: config.weight };
    return announcementOf({ id: nodeId, url, isReady: ready, load: { ...work, ...machine, ...placed } });
  };
  const measures = nodeMetrics(metrics, facts, () => ({
    encoders: renders.encoding,
    unrecorded: renders.unrecorded,
    diskBytes: disk.bytes,
    diskUsed: space.used,
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
  /** What cannot be copied, or left the disk behind our back, is not queued again and again. */
  const uncopyable = new LRUCache<string, true>({ max: 10_000, ttl: 600_000 });
  /** The spans that made what is to be copied soon. */
  const traces = new LRUCache<string, TraceHeaders>({ max: 1000 });
  const copied = copyRate();
  const copying = startCopying({
    disk,
    bucket,
    catalog,
    log,
    concurrency: uploads,
    cpu: () => load().cpu,
    onCopied: (task, outcome, bytes, seconds) => {
      if (outcome === 'refused' || outcome === 'gone') uncopyable.set(copyName(task), true);
      if (outcome === 'stored') copied.add(bytes);
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
      const { renderId, n, trace } = made;
      measures.made(made);
      largest.note(made.bytes);
      for (const { name } of made.renditions) {
        const task = copyName({ renderId, rendition: name, n });
        uncopyable.delete(task);
        if (trace !== undefined) traces.set(task, trace);
      }
      deciding?.look(renderId);
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
    isUncopyable: (task) => uncopyable.has(copyName(task)),
    traceOf: (task) => traces.get(copyName(task)),
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
    drain: (seconds) => void stopOnce(seconds),
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
  const stop = async (): Promise<void> => {
    ready = false;
    // Nobody is to choose this node any more, from now on and not from the next beat.
    heartbeat.wake();
    await ingest.stop();
    await renders.stop();
    // What an earlier process left uncopied may not even be queued yet.
    await orAborted(finding, drained.signal);
    await policy.settled(drained.signal);
    // Copied to the bucket, or held by another node: whichever is quicker.
    const safe = AbortSignal.any([
      drained.signal,
      whenReplicated({ catalog, nodeId, leaseSeconds, log }, drained.signal),
    ]);
    await copying.idle(safe);
    stopped.abort();
    await finding;
    await heartbeat.stop();
    await retireNode(pulse.db, nodeId).catch((error: unknown) => log.warn({ err: error }, 'not signed off'));
    await parts.disposeAsync();
  };
  let stopping: Promise<void> | undefined;
  const stopOnce = (seconds = config.drainSeconds): Promise<void> => {
    const over = setTimeout(() => drained.abort(), seconds * 1000);
    drained.signal.addEventListener('abort', () => clearTimeout(over), { once: true });
    stopping ??= stop().finally(() => {
      drained.abort();
      finished.resolve();
    });
    log.info({ seconds, copyQueue: copying.pending }, 'draining');
    return stopping;
  };
  const stopWithoutDisk = (): void => {
    log.error({ err: disks.lost.reason as unknown }, 'stopping: a disk is lost to another node');
    stopOnce(0).catch((error: unknown) => log.error({ err: error }, 'stopping failed'));
  };
  if (disks.lost.aborted) stopWithoutDisk();
  else disks.lost.addEventListener('abort', stopWithoutDisk, { once: true });
  return { url, stop: stopOnce, stopped: finished.promise, [Symbol.asyncDispose]: () => stopOnce() };
}
