import { gridOf, segmentAt } from '../../src/grid/grid.ts';
import { onNodes, segmentsIn, stored } from '../faults/kit.ts';
import { play, type Seen } from './cast.ts';
import {
  type Evidence,
  hadSealedPrefix,
  noNode,
  redirected,
  servedAfterKill,
  servedWithoutBucket,
} from './evidence.ts';
import { loseHolder, lostBeforeCopy, nobodyHas, quick } from './losing.ts';
import type { Player } from './player.ts';
import { fps, type Stage } from './stage.ts';

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
  /** What has to have happened to a player, or its cell says nothing. */
  readonly evidence?: Evidence;
  run(stage: Stage, players: readonly Player[]): Promise<Map<string, Seen>>;
}

const cannotSeek = (player: Player): string | undefined =>
  /^(ffmpeg|GStreamer)/.test(player.name)
    ? 'its command line cannot be told to seek while it plays'
    : undefined;

export const scenarios: readonly Scenario[] = [
  {
    id: 'start',
    title: 'play while rendering',
    what: 'Everybody plays from the start while the video is being rendered and copied. The origin is killed when every player has its first frame; the last segment is not made before that.',
    seconds: 24,
    evidence: servedAfterKill,
    async run(stage, players) {
      const video = await stage.post(24, quick * 3, { gated: true });
      const cast = await play(players, video.url);
      await cast.past(0);
      await loseHolder(stage, video, cast);
      return cast.seen();
    },
  },
  {
    id: 'join',
    title: 'join half-way through copying',
    what: 'The first 16 segments are in the bucket and listed there (sealed prefix), the others are on the origin only, which is killed when every player has its first frame.',
    seconds: 60,
    evidence: hadSealedPrefix,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail(
        { kind: 'status', status: 503 },
        (method, path) => method === 'PUT' && Number(/\/(\d+)\.m4s/.exec(path)?.[1] ?? 0) >= 16,
      );
      const video = await stage.post(60, 0);
      await field.reach(
        video.id,
        '16 segments are copied and all are made',
        (status) => stored(status) >= 16 && onNodes(status) === segmentsIn(60),
      );
      const cast = await play(players, video.url);
      await cast.past(0);
      await loseHolder(stage, video, cast);
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
    evidence: noNode,
    async run(stage, players) {
      const { id, url } = await stage.post(14, 0);
      await stage.field.reach(id, 'everything is copied', (status) => status.state === 'stored');
      const revive = await stage.bury(['node-1', 'node-2']);
      const cast = await play(players, url);
      await cast.past(0);
      await cast.mark();
      const seen = await cast.seen();
      await revive();
      return seen;
    },
  },
  {
    id: 'lost',
    title: 'killed before the copy',
    what: 'The bucket takes nothing. The origin is killed with its disk when it has made more than is played: that and the tail are rendered again. The last segment is not made before.',
    seconds: 28,
    evidence: servedAfterKill,
    run: (stage, players) => lostBeforeCopy(stage, players, ''),
  },
  {
    id: 'lost-event',
    title: 'the same, EVENT playlist',
    what: 'As before, with `?mode=event`: the playlist grows with what is made.',
    seconds: 28,
    evidence: servedAfterKill,
    run: (stage, players) => lostBeforeCopy(stage, players, '?mode=event'),
  },
  {
    id: 'between',
    title: 'killed between redirect and fetch',
    what: 'Every player has its redirect to the bucket, which answers nothing until both nodes are dead; they come back when everybody has its first frame.',
    seconds: 20,
    evidence: redirected,
    async run(stage, players) {
      const { field } = stage;
      const count = segmentsIn(20);
      // With all of it there, lists would name the bucket, and nobody would be redirected.
      await field.proxy.fail(
        { kind: 'status', status: 503 },
        (method, path) => method === 'PUT' && path.includes(`/${count - 1}.m4s`),
      );
      const { id, url } = await stage.post(20, 0);
      await field.reach(
        id,
        'all but the last segment are copied',
        (status) => stored(status) === count - 1 && onNodes(status) === count,
      );
      stage.cdn.hold();
      const cast = await play(players, url);
      await cast.answered('is redirected', ({ status }) => status === 307);
      const buried = stage.bury(['node-1', 'node-2']);
      stage.cdn.release();
      const revive = await buried;
      await cast.past(0);
      await field.proxy.fail(undefined);
      await revive();
      return cast.seen();
    },
  },
  {
    id: 'seek',
    title: 'seek into what is not rendered',
    what: 'Everybody seeks to second 30 of a video that is rendered at twice its speed, and the origin is killed while it makes that. ffmpeg begins at second 36 instead.',
    seconds: 40,
    evidence: servedAfterKill,
    excludes: (player) => (player.name.startsWith('GStreamer') ? cannotSeek(player) : undefined),
    async run(stage, players) {
      const video = await stage.post(40, quick * 4);
      const cast = await play(players, video.url, {
        options: ({ name }) =>
          name.startsWith('GStreamer') ? undefined : name.startsWith('ffmpeg') ? { startAt: 36 } : {},
      });
      await cast.past(1);
      await nobodyHas(stage, video, segmentAt(gridOf({ num: fps, den: 1 }, 40 * fps), 30));
      await cast.seek(30);
      await loseHolder(stage, video, cast);
      return cast.seen();
    },
  },
  {
    id: 'back',
    title: 'seek back, origin dead',
    what: 'Everybody begins at second 12; nothing is copied; the origin is killed, then everybody seeks back to second 2, which it has never loaded.',
    seconds: 24,
    evidence: servedAfterKill,
    excludes: cannotSeek,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail({ kind: 'refuse' });
      const video = await stage.post(24, quick);
      const cast = await play(players, video.url, {
        options: (player) => (cannotSeek(player) === undefined ? { startAt: 12 } : undefined),
      });
      await cast.past(13);
      await loseHolder(stage, video, cast);
      await cast.seek(2);
      const seen = await cast.seen();
      await field.proxy.fail(undefined);
      return seen;
    },
  },
  {
    id: 'slow',
    title: 'rendering slower than real time',
    what: 'Rendering runs at 0.8 of real time; the origin is killed when every player has its first frame, before the last segment is made. Everybody has to wait.',
    seconds: 16,
    evidence: servedAfterKill,
    waits: true,
    async run(stage, players) {
      const video = await stage.post(16, 100, { gated: true });
      const cast = await play(players, video.url);
      await cast.past(0);
      await loseHolder(stage, video, cast);
      return cast.seen();
    },
  },
  {
    id: 'bucket',
    title: 'bucket down',
    what: 'The bucket takes nothing more and gives nothing more from the moment that every player has its first frame, before the last segment is made; the origin lives.',
    seconds: 24,
    evidence: servedWithoutBucket,
    async run(stage, players) {
      const { field } = stage;
      const { url, open } = await stage.post(24, quick * 2, { gated: true });
      const cast = await play(players, url);
      await cast.past(0);
      await cast.mark();
      await field.proxy.fail({ kind: 'refuse' });
      await stage.bucketReads.fail({ kind: 'reset' });
      await open();
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
    what: 'A ladder of three sizes, nothing of it copied. Players begin low and change to a better one; the origin is killed when everybody has its first frame, so that every size is made again by the other node, which makes the last segment first of all.',
    seconds: 24,
    evidence: servedAfterKill,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail({ kind: 'refuse' });
      const video = await stage.post(24, quick * 2, { profile: 'ladder', gated: true });
      const cast = await play(players, video.url);
      await cast.past(0);
      await loseHolder(stage, video, cast);
      const seen = await cast.seen();
      await field.proxy.fail(undefined);
      return seen;
    },
  },
  {
    id: 'end',
    title: 'exact end of stream',
    what: 'Everybody has asked for the last segment, which nobody has made, when the origin is killed: the other node makes it. The last frame is shown, and the stream ends there.',
    seconds: 18,
    evidence: servedAfterKill,
    waits: true,
    async run(stage, players) {
      const { field } = stage;
      await field.proxy.fail({ kind: 'refuse' });
      // GStreamer shows nothing before it has some 10 s; the last segment begins at 15.36 s.
      const video = await stage.post(18, 0, { gated: true });
      const last = segmentsIn(18) - 1;
      await field.reach(video.id, 'all but the last segment are made', (status) => onNodes(status) === last);
      const cast = await play(players, video.url);
      await cast.past(10);
      // VLC stands still as soon as it waits for a segment, whatever it has before that.
      await cast.answered('waits for the last segment', ({ path }) => path.includes(`/${last}.m4s`));
      await nobodyHas(stage, video, last);
      await loseHolder(stage, video, cast);
      const seen = await cast.seen();
      await field.proxy.fail(undefined);
      return seen;
    },
  },
];
