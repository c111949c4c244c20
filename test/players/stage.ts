import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { frameBoundary, gridOf, segmentCount } from '../../src/grid/grid.ts';
import { type Field, startFieldOn } from '../faults/kit.ts';
import { startTestBucket } from '../support/bucket.ts';
import { temporaryFolder } from '../support/folder.ts';
import { type FaultProxy, startFaultProxy } from '../support/proxy.ts';
import { replacePlaylists } from '../support/replace-playlists.ts';
import { until } from '../support/wait.ts';
import { startTap, type Tap } from './tap.ts';

/** Frames a second of every video here. */
export const fps = 25;

/** A video to be played. */
export interface Posted {
  readonly id: string;
  readonly url: string;
  /** Lets the last segment of a gated video be made. */
  readonly open: () => Promise<void>;
}

/** How a video is made. */
export interface PostOptions {
  readonly profile?: string;
  /** Its last segment is not made before {@link Posted.open}. */
  readonly gated?: boolean;
  readonly subtitles?: readonly object[];
}

/** What a scenario is played on: a stack, its bucket, and a hand on every way between them. */
export interface Stage extends AsyncDisposable {
  readonly field: Field;
  /** Between viewers and the bucket. */
  readonly cdn: Tap;
  /** Behind `cdn`, and can fail. */
  readonly bucketReads: FaultProxy;
  /** Makes a video nobody has made; each frame takes `ms` to draw. */
  post(seconds: number, ms: number, options?: PostOptions): Promise<Posted>;
  /**
   * Kills nodes with their disks before it returns, and freezes those that the stack starts instead: they answer nothing more.
   * @returns a function that ends that
   */
  bury(parts: readonly string[]): Promise<() => Promise<void>>;
  /** Starts a second playlist service on the port of the first, ends the first, and then the other way round. */
  restartPlaylists(): Promise<void>;
  /** Ends everything that fails or waits, and waits until both nodes are ready. */
  mended(): Promise<void>;
}

const nodesSchema = z.object({ nodes: z.array(z.object({ state: z.string() })) });

let seed = Math.floor(Math.random() * 1e6);

/** Starts a stage. */
export async function startStage(): Promise<Stage> {
  const bucket = await startTestBucket();
  const writes = await startFaultProxy(bucket.settings.endpoint);
  const { origin, pathname } = new URL(bucket.settings.publicUrl);
  const bucketReads = await startFaultProxy(origin);
  const cdn = await startTap(bucketReads.url);
  const gates = await temporaryFolder();
  const field = await startFieldOn(bucket, writes, {
    env: {
      S3_PUBLIC_URL: `${cdn.url}${pathname.replace(/\/$/, '')}`,
      SEGUE_SHARE_PORT: 'on',
      SEGUE_MODULES: fileURLToPath(new URL('modules', import.meta.url)),
    },
  });
  const closed = new Set<() => Promise<void>>();
  return {
    field,
    cdn,
    bucketReads,
    async post(seconds, ms, { profile, gated = false, subtitles } = {}) {
      seed += 1;
      const grid = gridOf({ num: fps, den: 1 }, seconds * fps);
      const gate = join(gates.path, String(seed));
      const open = () => writeFile(gate, '');
      if (gated) closed.add(open);
      const description = {
        segue: 1,
        kind: 'module',
        module: 'paced',
        params: gated ? { ms, gate, gateFrom: frameBoundary(grid, segmentCount(grid) - 1) } : { ms },
        size: { width: 320, height: 180 },
        fps,
        duration: seconds,
        seed,
        subtitles,
      };
      return { ...(await field.post(description, profile)), open };
    },
    async bury(parts) {
      const pids = await Promise.all(parts.map((part) => field.lose(part)));
      await Promise.all(parts.map((part, i) => field.stack.restarted(part, pids[i] ?? 0)));
      for (const part of parts) process.kill(field.stack.pidOf(part), 'SIGSTOP');
      return async () => {
        const frozen = parts.map((part) => field.stack.kill(part));
        await Promise.all(parts.map((part, i) => field.stack.restarted(part, frozen[i] ?? 0)));
      };
    },
    restartPlaylists: () => replacePlaylists(field.stack),
    async mended() {
      await Promise.all([...closed].map((open) => open()));
      closed.clear();
      cdn.release();
      await bucketReads.fail(undefined);
      await writes.fail(undefined);
      await until(
        async () => {
          const answer = await fetch(`${field.stack.url}/v1/nodes`, {
            headers: { authorization: `Bearer ${field.stack.adminToken}` },
          });
          const { nodes } = nodesSchema.parse(await answer.json());
          return nodes.filter(({ state }) => state === 'ready').length === 2;
        },
        { what: 'both nodes are ready', timeout: 120_000 },
      );
    },
    async [Symbol.asyncDispose]() {
      await field[Symbol.asyncDispose]();
      for (const part of [cdn, bucketReads, writes, bucket, gates]) await part[Symbol.asyncDispose]();
    },
  };
}

/** Part of all processor time that was used between two calls, 0 to 1. */
export function processorUse(): () => number {
  const read = () => {
    const [, ...fields] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.trim().split(/\s+/) ?? [];
    const times = fields.map(Number);
    const total = times.reduce((sum, time) => sum + time, 0);
    return { total, idle: (times[3] ?? 0) + (times[4] ?? 0) };
  };
  const before = read();
  return () => {
    const now = read();
    return 1 - (now.idle - before.idle) / Math.max(1, now.total - before.total);
  };
}
