import { join } from 'node:path';
import { type Assets, openAssets } from '../asset/pin.ts';
import { type Catalog, openCatalog } from '../catalog/connect.ts';
import { migrateCatalog } from '../catalog/migrate.ts';
import type { NodeConfig } from '../ops/config.ts';
import type { Log } from '../ops/log.ts';
import { openTracing } from '../ops/otlp.ts';
import type { Tracing } from '../ops/trace.ts';
import { type Ffmpeg, findFfmpeg } from '../render/ffmpeg/find.ts';
import { loadModules, type ModuleRegistry } from '../render/module/registry.ts';
import { assetBucket } from '../store/asset-bucket.ts';
import { type Bucket, openBucket } from '../store/bucket.ts';
import { segmentsFolder } from '../store/segments-folder.ts';
import { type DiskWatch, watchDisk } from './disk-room.ts';
import { type NodeDisks, openDisks } from './disks.ts';

/** What a node works with. */
export interface NodeResources {
  readonly ffmpeg: Ffmpeg;
  readonly modules: ModuleRegistry;
  readonly tracing: Tracing | undefined;
  readonly catalog: Catalog;
  /** The catalog for heartbeats: a query that hangs is given up in time. */
  readonly pulse: Catalog;
  /** Folder of the segments. */
  readonly segments: string;
  readonly disks: NodeDisks;
  readonly space: DiskWatch;
  readonly bucket: Bucket;
  readonly assets: Assets;
}

/**
 * Finds and opens it all; each part is closed with `opened`. Throws where the database cannot be migrated, no ffmpeg is found, or
 * another process or node has a disk.
 */
export async function openResources(
  config: NodeConfig,
  log: Log,
  opened: AsyncDisposableStack,
): Promise<NodeResources> {
  const ffmpeg = await findFfmpeg({ ffmpegPath: config.ffmpegPath });
  if (ffmpeg.warning !== undefined) log.warn({ ffmpeg: ffmpeg.path }, ffmpeg.warning);
  await migrateCatalog(config.databaseUrl);
  const { nodeId, leaseSeconds, adopt } = config;
  const tracing = await openTracing(config.tracesUrl, { service: 'segue-node', instance: nodeId }, log);
  opened.defer(() => tracing?.close());
  const applicationName = `segue-${nodeId}`;
  const catalog = openCatalog(config.databaseUrl, { applicationName });
  opened.defer(() => catalog.close());
  // A beat that hangs is given up while there is still time for another one within the lease.
  const queryTimeoutMs = (leaseSeconds * 1000) / 3;
  const pulse = openCatalog(config.databaseUrl, { applicationName, max: 2, queryTimeoutMs });
  opened.defer(() => pulse.close());
  const segments = join(config.dataFolder, segmentsFolder);
  const disks = opened.use(
    await openDisks({ catalog, pulse, nodeId, leaseSeconds, own: segments, adopt, log }),
  );
  const space = watchDisk(segments, config.diskReserveBytes);
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
  return { ffmpeg, modules, tracing, catalog, pulse, segments, disks, space, bucket, assets };
}
