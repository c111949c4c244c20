import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../catalog/connect.ts';
import { type ClaimedDisk, claimDisks, type HeldDisk, releaseDisks, renewDisks } from '../catalog/disks.ts';
import { SegueError } from '../ops/errors.ts';
import { holderOf, lockFolder } from '../ops/folder-lock.ts';
import type { Log } from '../ops/log.ts';
import { startLoop } from '../ops/loop.ts';
import { type DiskStore, openDiskStore } from '../store/disk.ts';
import { diskIdFile, diskIdOf } from '../store/disk-id.ts';
import { segmentsFolderOf, uploadsFolder } from '../store/segments-folder.ts';

/** A disk that this node has. */
export interface OpenDisk extends ClaimedDisk {
  /** Its segments folder, as the disk store names it. */
  readonly folder: string;
  /** Another node's, before. */
  readonly isAdopted: boolean;
}

/** The disks of a node, locked and claimed for as long as this is not disposed of. */
export interface NodeDisks extends AsyncDisposable {
  readonly store: DiskStore;
  /** Its own first. */
  readonly disks: readonly OpenDisk[];
  /** Aborted, with an error that says so, once another node has one of them: this one slept longer than its claim lasts. */
  readonly lost: AbortSignal;
}

/** What opening disks needs. */
export interface OpenDisksOptions {
  readonly catalog: Catalog;
  /** For renewals: with a short deadline on queries. */
  readonly pulse: Catalog;
  readonly nodeId: string;
  readonly leaseSeconds: number;
  /** The node's own segments folder. */
  readonly own: string;
  /** Folders to adopt, as {@link segmentsFolderOf} takes them. */
  readonly adopt: readonly string[];
  readonly log: Log;
}

/** How long a claim lasts without renewal: longer than a lease, since no viewer waits for it and nobody is to adopt a living disk. */
const claimSeconds = (leaseSeconds: number): number => Math.max(10, 3 * leaseSeconds);

/**
 * Opens the node's own segments folder and those that it adopts: locks each, finds out which disk it is, claims all of them, and
 * lists what they hold. A claim that nobody renews any more is waited for.
 * @throws SegueError `configuration` where a folder is none of a node's, another process has it, or another node has the disk.
 */
export async function openDisks(options: OpenDisksOptions): Promise<NodeDisks> {
  const { pulse, nodeId, leaseSeconds, own, log } = options;
  await using opened = new AsyncDisposableStack();
  opened.use(await lockFolder(own));
  const home = await realpath(own);
  const folders = new Map([[await diskIdOf(own), own]]);
  for (const given of new Set(options.adopt)) {
    const folder = await segmentsFolderOf(given);
    if (folder === home) {
      throw new SegueError('configuration', `${given} cannot be adopted: it is this node's own folder`, {
        hint: 'Leave it out of --adopt and SEGUE_ADOPT, or give this node another SEGUE_DATA.',
      });
    }
    // Named twice, by two paths.
    if ([...folders.values()].includes(folder)) continue;
    await lockAdopted(folder, opened);
    const id = await diskIdOf(folder);
    const other = folders.get(id);
    if (other !== undefined) throw sameDisk(id, other, folder);
    folders.set(id, folder);
  }

  const claimed = await claimAll(options, folders);
  const ids = [...folders.keys()];
  const seconds = claimSeconds(leaseSeconds);
  const lost = new AbortController();
  const renewing = startLoop(
    async () => {
      const kept = await renewDisks(pulse.db, nodeId, ids, seconds);
      const gone = ids.find((id) => !kept.has(id));
      if (gone !== undefined && !lost.signal.aborted) lost.abort(lostDisk(gone, folders.get(gone)));
      return 'idle';
    },
    { name: 'claim of disks', intervalMs: leaseSeconds * 1000, log },
  );
  opened.defer(async () => {
    await renewing.stop();
    await releaseDisks(pulse.db, nodeId, ids).catch((error: unknown) =>
      log.warn({ err: error }, 'disks not given back: their claim ends by itself'),
    );
  });

  const [, ...adopted] = folders.values();
  // What was on the way to the dead node was never listed.
  for (const folder of adopted) await rm(join(folder, uploadsFolder), { recursive: true, force: true });
  const store = await openDiskStore(own, adopted);
  const disks = [...folders].flatMap(([id, folder]) => {
    const claim = claimed.find((disk) => disk.id === id);
    return claim === undefined ? [] : [{ ...claim, folder, isAdopted: folder !== own }];
  });
  const parts = opened.move();
  return { store, disks, lost: lost.signal, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Claims all disks. Where another node has one, looks again until its claim has ended, or was renewed: then the node lives. */
async function claimAll(
  { catalog, nodeId, leaseSeconds, log }: OpenDisksOptions,
  folders: ReadonlyMap<string, string>,
): Promise<readonly ClaimedDisk[]> {
  const seen = new Map<string, string>();
  for (;;) {
    const claim = await claimDisks(catalog.db, nodeId, [...folders.keys()], claimSeconds(leaseSeconds));
    if (claim.ours) return claim.disks;
    for (const held of claim.held) {
      const state = `${held.nodeId} ${held.expiresAt}`;
      const before = seen.get(held.id);
      if (before !== undefined && before !== state) throw heldDisk(held, folders);
      if (before === undefined)
        log.warn({ disk: held.id, node: held.nodeId }, 'disk claimed by another node: looking if it lives');
      seen.set(held.id, state);
    }
    await delay(leaseSeconds * 250);
  }
}

async function lockAdopted(folder: string, opened: AsyncDisposableStack): Promise<void> {
  const holder = await holderOf(folder);
  if (holder !== undefined) {
    throw new SegueError(
      'configuration',
      `${folder} cannot be adopted: process ${holder.pid} of this machine works on it`,
      { hint: 'Its node is not dead. Stop it first (segue drain), or leave the folder out.' },
    );
  }
  try {
    opened.use(await lockFolder(folder));
  } catch (error) {
    throw new SegueError('configuration', `${folder} cannot be adopted: it cannot be locked`, {
      cause: error,
      hint: 'Mount it so that this user can write: damaged segments are removed from it.',
    });
  }
}

const copyHint = (folder: string): string =>
  `If ${folder} is a copy of the disk, delete ${join(folder, diskIdFile)}: it is a disk of its own then.`;

function sameDisk(id: string, one: string, other: string): SegueError {
  return new SegueError('configuration', `${one} and ${other} are the same disk (${id})`, {
    hint: `Leave one out. ${copyHint(other)}`,
  });
}

function heldDisk({ id, nodeId }: HeldDisk, folders: ReadonlyMap<string, string>): SegueError {
  const [own] = folders.values();
  const folder = folders.get(id) ?? '';
  const wayOut =
    folder === own
      ? `Start this node with another SEGUE_DATA, or stop ${nodeId}, which has adopted the disk, first.`
      : `Stop ${nodeId} first (segue drain ${nodeId}), or leave the folder out of --adopt and SEGUE_ADOPT.`;
  return new SegueError(
    'configuration',
    `The disk ${id} in ${folder} belongs to the node ${nodeId}, which is alive`,
    { hint: `${wayOut} ${copyHint(folder)}` },
  );
}

function lostDisk(id: string, folder = ''): SegueError {
  return new SegueError('configuration', `The disk ${id} in ${folder} is another node's now`, {
    hint: 'This node was silent for so long that another one adopted its disk. Start it with another SEGUE_DATA.',
  });
}
