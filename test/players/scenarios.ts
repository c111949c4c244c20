import { onNodes, segmentsIn, stored } from '../faults/kit.ts';
import { until } from '../support/wait.ts';
import type { Player } from './player.ts';
import { type Cast, play, type Seen, type Stage } from './stage.ts';

/** One column of the matrix. */
export interface Scenario {
  readonly id: string;
  readonly title: string;
  /** What happens, for the reader of the table. */
  readonly what: string;
  /** Length of the video. */
  readonly seconds: number;
  /** Why this player takes no part; undefined where it does. */
  readonly excludes?: (player: Player) => string | undefined;
  /** Players wait here by necessity: stalls are expected. */
  readonly waits?: boolean;
  run(stage: Stage, players: readonly Player[]): Promise<Map<string, Seen>>;
}

/** Milliseconds that a frame takes: two are drawn at once, so 10 is eight times as fast as it plays. */
const quick = 10;

const cannotSeek = (player: Player): string | undefined =>
  /^(ffmpeg|GStreamer)/.test(player.name)
    ? 'its command line cannot be told to seek while it plays'
    : undefined;

/** The holder is lost with its disk as soon as every player has its first frame. */
async function loseHolder({ field }: Stage, id: string, cast: Cast): Promise<void> {
  await cast.mark();
  const { lease, renditions } = await field.status(id);
  // A render that is complete is held by nobody any more, but its segments are still on one disk.
  const part = lease?.node ?? Object.keys(renditions[0]?.nodes ?? {})[0] ?? '';
  const pid = await field.lose(part);
  lost.push(field.stack.restarted(part, pid));
}
/** Nodes that come back; the next scenario begins with all of them. */
const lost: Promise<void>[] = [];

/** Waits until everything that was lost is up again. */
export async function mended(stage: Stage): Promise<void> {
  await Promise.all(lost.splice(0));
  await stage.mended();
}

/** Nothing is copied before the origin is lost. */
async function lostBeforeCopy(
  stage: Stage,
  players: readonly Player[],
  query: string,
): Promise<Map<string, Seen>> {
  const { field } = stage;
  await field.proxy.fail({ kind: 'refuse' });
  const { id, url } = await stage.post(28, quick);
  const cast = await play(players, `${url}${query}`);
  await cast.past(1);
  await field.reach(id, 'some is made', (status) => onNodes(status) >= 5);
  await loseHolder(stage, id, cast);
  // A growing playlist ends when everything is in the bucket.
  await field.proxy.fail(undefined);
  return cast.seen();
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'start',
    title: 'play while rendering',
    what: 'Everybody plays from the start while the video is being rendered and copied. The origin is killed when every player has its first frame.',
    seconds: 32,
    async run(stage, players) {
      const { id, url } = await stage.post(32, quick * 3);
      const cast = await play(players, url);
      await cast.past(0);
      await loseHolder(stage, id, cast);
      return cast.seen();
    },
  },
  {
    id: 'join',
    title: 'join half-way through copying',
    what: 'The first 16 segments are in the bucket and listed there (sealed prefix), the others are on the origin only, which is killed when every player has its first frame.',
    seconds: 60,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail(
        { kind: 'status', status: 503 },
        (method, path) => method === 'PUT' && Number(/\/(\d+)\.m4s/.exec(path)?.[1] ?? 0) >= 16,
      );
      const { id, url } = await stage.post(60, 0);
      await field.reach(
        id,
        '16 segments are copied and all are made',
        (status) => stored(status) >= 16 && onNodes(status) === segmentsIn(60),
      );
      const cast = await play(players, url);
      await cast.past(0);
      await loseHolder(stage, id, cast);
      const seen = await cast.seen();
      await field.proxy.fail(undefined);
      return seen;
    },
  },
  {
    id: 'after',
    title: 'join after copying, every node dead',
    what: 'Everything is copied. Both nodes are killed, and killed again whenever they come back.',
    seconds: 14,
    async run(stage, players) {
      const { id, url } = await stage.post(14, 0);
      await stage.field.reach(id, 'everything is copied', (status) => status.state === 'stored');
      const revive = await stage.bury(['node-1', 'node-2']);
      const cast = await play(players, url);
      const seen = await cast.seen();
      await revive();
      return seen;
    },
  },
  {
    id: 'lost',
    title: 'killed before the copy',
    what: 'The bucket takes nothing. The origin is killed with its disk when it has made more than is played: that and the tail are rendered again.',
    seconds: 28,
    run: (stage, players) => lostBeforeCopy(stage, players, ''),
  },
  {
    id: 'lost-event',
    title: 'the same, EVENT playlist',
    what: 'As before, with `?mode=event`: the playlist grows with what is made.',
    seconds: 28,
    run: (stage, players) => lostBeforeCopy(stage, players, '?mode=event'),
  },
  {
    id: 'between',
    title: 'killed between redirect and fetch',
    what: 'Players have their redirect to the bucket, which answers nothing until both nodes are dead.',
    seconds: 20,
    async run(stage, players) {
      const { id, url } = await stage.post(20, 0);
      await stage.field.reach(id, 'something is copied', (status) => stored(status) >= 3);
      stage.cdn.hold();
      const cast = await play(players, url);
      await until(() => stage.cdn.held > 0, { what: 'players wait for the bucket', timeout: 60_000 });
      const revive = await stage.bury(['node-1', 'node-2']);
      stage.cdn.release();
      await cast.past(0);
      await revive();
      return cast.seen();
    },
  },
  {
    id: 'seek',
    title: 'seek into what is not rendered',
    what: 'Everybody seeks to second 30 of a video that is rendered at twice its speed, and the origin is killed while it makes that. ffmpeg begins there instead.',
    seconds: 40,
    excludes: (player) => (player.name.startsWith('GStreamer') ? cannotSeek(player) : undefined),
    async run(stage, players) {
      const { id, url } = await stage.post(40, quick * 4);
      const cast = await play(players, url, {
        options: ({ name }) =>
          name.startsWith('GStreamer') ? undefined : name.startsWith('ffmpeg') ? { startAt: 30 } : {},
      });
      await cast.past(1);
      await cast.seek(30);
      await loseHolder(stage, id, cast);
      return cast.seen();
    },
  },
  {
    id: 'back',
    title: 'seek back, origin dead',
    what: 'Everybody begins at second 12; nothing is copied; the origin is killed, then everybody seeks back to second 2, which it has never loaded.',
    seconds: 24,
    excludes: cannotSeek,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail({ kind: 'refuse' });
      const { id, url } = await stage.post(24, quick);
      const cast = await play(players, url, {
        options: (player) => (cannotSeek(player) === undefined ? { startAt: 12 } : undefined),
      });
      await cast.past(13);
      await loseHolder(stage, id, cast);
      await cast.seek(2);
      const seen = await cast.seen();
      await field.proxy.fail(undefined);
      return seen;
    },
  },
  {
    id: 'slow',
    title: 'rendering slower than real time',
    what: 'Rendering runs at 0.8 of real time; the origin is killed when every player has its first frame. Everybody has to wait.',
    seconds: 16,
    waits: true,
    async run(stage, players) {
      const { id, url } = await stage.post(16, 100);
      const cast = await play(players, url);
      await cast.past(0);
      await loseHolder(stage, id, cast);
      return cast.seen();
    },
  },
  {
    id: 'bucket',
    title: 'bucket down',
    what: 'The bucket takes nothing more and gives nothing more from the moment that every player has its first frame; the origin lives.',
    seconds: 24,
    async run(stage, players) {
      const { field } = stage;
      const { url } = await stage.post(24, quick * 2);
      const cast = await play(players, url);
      await cast.past(0);
      await cast.mark();
      await field.proxy.fail({ kind: 'refuse' });
      await stage.bucketReads.fail({ kind: 'reset' });
      const seen = await cast.seen();
      await stage.bucketReads.fail(undefined);
      await field.proxy.fail(undefined);
      return seen;
    },
  },
  {
    id: 'restart',
    title: 'playlist service restarted',
    what: 'The playlist service is restarted as docs/OPERATING.md says, twice: the next process starts on the same port, then the last one gets SIGTERM.',
    seconds: 24,
    async run(stage, players) {
      const { url } = await stage.post(24, quick * 2);
      const cast = await play(players, url, { watched: false });
      await cast.past(1);
      await cast.mark();
      await stage.restartPlaylists();
      return cast.seen();
    },
  },
  {
    id: 'quality',
    title: 'quality switch across the kill',
    what: 'A ladder of three sizes, nothing of it copied. Players begin low and change to a better one; the origin is killed when everybody has its first frame, so that every size is made again by the other node.',
    seconds: 24,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail({ kind: 'refuse' });
      const { id, url } = await stage.post(24, quick * 2, 'ladder');
      const cast = await play(players, url);
      await cast.past(0);
      await loseHolder(stage, id, cast);
      const seen = await cast.seen();
      await field.proxy.fail(undefined);
      return seen;
    },
  },
  {
    id: 'end',
    title: 'exact end of stream',
    what: 'The origin is killed when everybody is two seconds from an end that is not made yet. The last frame is shown, and the stream ends there.',
    seconds: 10,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail({ kind: 'refuse' });
      const { id, url } = await stage.post(10, quick * 4);
      const cast = await play(players, url);
      await cast.past(1);
      await loseHolder(stage, id, cast);
      const seen = await cast.seen();
      await field.proxy.fail(undefined);
      return seen;
    },
  },
];
