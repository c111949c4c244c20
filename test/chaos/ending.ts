import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { z } from 'zod';
import { segmentCount } from '../../src/grid/grid.ts';
import { signalTo } from '../../src/ops/process-identity.ts';
import { until } from '../support/wait.ts';
import type { Ground } from './ground.ts';
import { play } from './player.ts';
import type { Session, Video } from './session.ts';
import { digestOf, gridOfSeconds, type Truth, withoutPadding } from './truth.ts';

/** How it all stands once the faults have ended. */
export interface Ending {
  /** Videos that were not whole in the bucket before somebody asked for all of them: nobody goes on with what nobody watches. */
  readonly unwatched: number;
  readonly problems: readonly string[];
}

/** What the last look needs. */
export interface EndingOptions {
  readonly ground: Ground;
  readonly videos: readonly Video[];
  readonly truth: Truth;
  readonly signal: AbortSignal;
  readonly onSession: (session: Session) => void;
  readonly tell: (text: string) => void;
}

/** Videos that are looked at at once. */
const atOnce = 3;
/** Time for everything to be in the bucket, in milliseconds. */
const storedMs = 180_000;

/**
 * Looks at everything: the stack is ready, a late viewer gets every frame of every video, all of it reaches the bucket, the bucket
 * has the bytes that viewers got, and what is lost everywhere is made again with these bytes.
 */
export async function lookAtTheEnd(options: EndingOptions): Promise<Ending> {
  const { ground, videos, tell } = options;
  const problems: string[] = [];
  const attempt = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  tell('the end: is the stack ready?');
  await attempt('the stack', () => ready(ground));
  let unwatched = 0;
  const queue = [...videos];
  tell(`the end: is everything of ${videos.length} videos there, and in the bucket?`);
  const look = async (): Promise<void> => {
    for (let video = queue.shift(); video !== undefined; video = queue.shift()) {
      if (options.signal.aborted) return;
      const { id } = video;
      await attempt(id, async () => {
        if ((await ground.field.status(id)).state !== 'stored') unwatched += 1;
        await lookAt(options, video);
      });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, look));
  const first = videos[0];
  if (first !== undefined && !options.signal.aborted) {
    tell('the end: is what is lost everywhere made again as it was?');
    await attempt('made again', () => madeAgain(options, first));
  }
  return { unwatched, problems };
}

async function ready(ground: Ground, nodes = 3): Promise<void> {
  await ground.ready(nodes);
  const look = async (): Promise<boolean> => (await fetch(`${ground.field.stack.url}/readyz`)).ok;
  await until(look, { what: 'the playlist service is ready', timeout: 120_000 });
}

async function lookAt({ ground, truth, signal, onSession }: EndingOptions, video: Video): Promise<void> {
  const { field } = ground;
  onSession(await play({ who: 'late viewer', video, truth, signal, realTime: false }));
  await field.reach(video.id, 'everything is in the bucket', ({ state }) => state === 'stored', storedMs);
  const renderId = await renderOf(ground, video);
  for (const rendition of ['180p', 'audio']) {
    for (let n = 0; n < segmentCount(gridOfSeconds(video.seconds)); n += 1) {
      const name = `${video.id}/${rendition}/${n}`;
      const url = `${field.bucket.settings.publicUrl}/renders/${renderId}/${rendition}/${n}.m4s`;
      // One that was lost is stored again after the late viewer has asked for it.
      const bytes = await until(async () => inBucket(url), {
        what: `the bucket has ${name}`,
        timeout: storedMs,
      });
      if (digestOf(bytes) !== truth.digestOf(name))
        throw new Error(`the bucket has other bytes of ${name} than viewers got`);
    }
  }
}

async function inBucket(url: string): Promise<Uint8Array | undefined> {
  const answer = await fetch(url);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return answer.ok ? bytes : undefined;
}

async function renderOf({ field }: Ground, { id }: Video): Promise<string> {
  const status: unknown = await (await fetch(`${field.stack.url}/v1/videos/${id}`)).json();
  return z.object({ renderId: z.string() }).parse(status).renderId;
}

/** Takes two segments from every place at once, and asks for them as a CDN does whose origin has lost them. */
async function madeAgain({ ground, truth }: EndingOptions, video: Video): Promise<void> {
  const { field, disks, far } = ground;
  const renderId = await renderOf(ground, video);
  const lost = [0, 1].map((n) => ({ n, key: `renders/${renderId}/180p/${n}.m4s` }));
  const { s3, settings } = field.bucket;
  const nodes = ['node-1', 'node-2'] as const;
  await far.lose();
  // They are started again at once: their disks have to be empty before they are dead.
  for (const node of nodes) signalTo(field.stack.pidOf(node), 'SIGSTOP');
  for (const node of nodes) await disks.empty(node);
  const pids = nodes.map((node) => field.stack.kill(node));
  for (const { key } of lost) await s3.send(new DeleteObjectCommand({ Bucket: settings.bucket, Key: key }));
  for (const [index, node] of nodes.entries()) await field.stack.restarted(node, pids[index] ?? 0);
  await ready(ground, 2);
  for (const { n, key } of lost) {
    const answer = await fetch(`${field.stack.url}/${key}`);
    const bytes = withoutPadding(new Uint8Array(await answer.arrayBuffer()));
    const name = `${video.id}/180p/${n}`;
    if (!answer.ok) throw new Error(`status ${answer.status} for ${name}`);
    if (digestOf(bytes) !== truth.digestOf(name)) throw new Error(`${name} was made again with other bytes`);
  }
}
