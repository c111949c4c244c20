import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Field, startField } from '../../faults/kit.ts';
import { assertGone, descendants } from '../../support/processes.ts';
import { until } from '../../support/wait.ts';
import type { Player, Playing } from '../player.ts';
import { nativePlayers } from './players.ts';
import { vlc } from './vlc.ts';

const seconds = 8;
const frames = seconds * 25;

/** No two frames that follow one another are equal, which is what VLC's are told apart by. */
function moving(seed: number): object {
  const clip = (asset: object) => ({ clips: [{ start: 0, length: seconds, asset }] });
  return {
    segue: 1,
    kind: 'timeline',
    size: { width: 320, height: 180 },
    fps: 25,
    duration: seconds,
    seed,
    tracks: [clip({ type: 'pattern', pattern: 'testcard' }), clip({ type: 'tone', frequency: 440 })],
  };
}

describe('native players', () => {
  let field: Field;
  let url: string;

  beforeAll(async () => {
    field = await startField();
    url = (await field.post(moving(1))).url;
  });

  afterAll(async () => {
    await field?.[Symbol.asyncDispose]();
  });

  /** Waits for a position. */
  const reaches = (playing: Playing, position: number) =>
    until(async () => ((await playing.position()) ?? -1) >= position, {
      what: `it plays second ${position}`,
      timeout: 60_000,
    });

  /** Nothing that a player starts outlives it. */
  const leavesNothing = () =>
    assertGone(() =>
      descendants(process.pid).filter(({ command }) => /^\S*\/(mpv|vlc|gst-launch|ffmpeg) /.test(command)),
    );

  for (const player of nativePlayers) suite(player);

  function suite(player: Player): void {
    if (player.unavailable !== undefined)
      process.stderr.write(`${player.name}: skipped: ${player.unavailable}\n`);
    describe.skipIf(player.unavailable !== undefined)(player.name, () => {
      it('plays a stream that is being rendered, to the end, each frame once', async () => {
        expect(await player.version()).toMatch(/^\d+\.\d+/);
        // A seed of its own: nobody has made this video before.
        const { url: fresh } = await field.post(moving(2 + nativePlayers.indexOf(player)));
        await using playing = await player.play(fresh);
        const report = await playing.done;
        expect(report).toMatchObject({
          ended: true,
          timedOut: false,
          fatal: [],
          frames: { shown: frames, dropped: 0 },
          played: [[0, seconds]],
          endedAt: seconds,
        });
        expect(report.firstFrameMs).toBeGreaterThan(0);
      });

      it('leaves nothing behind when it is broken off', async () => {
        const playing = await player.play(url);
        await until(async () => (await playing.position()) !== undefined, {
          what: 'the first frame',
          timeout: 60_000,
        });
        await playing[Symbol.asyncDispose]();
        await leavesNothing();
        expect((await playing.done).timedOut).toBe(false);
      });

      it('is ended when its time is over', async () => {
        // Nobody answers: no player is at the end before that.
        const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
        await once(silent, 'listening');
        const { port } = silent.address() as AddressInfo;
        await using playing = await player.play(`http://127.0.0.1:${port}/index.m3u8`, {
          time: AbortSignal.timeout(20),
        });
        expect(await playing.done).toMatchObject({ ended: false, timedOut: true });
        silent.close();
      });

      it('says what it made of a stream that does not exist', async () => {
        await using playing = await player.play(`${field.stack.url}/v/none/index.m3u8`, {
          time: AbortSignal.timeout(60_000),
        });
        const report = await playing.done;
        expect(report).toMatchObject({ ended: false, frames: { shown: 0 } });
        expect(report.fatal).not.toEqual([]);
      });

      it('is sent elsewhere, where it can be', async ({ skip }) => {
        await using playing = await player.play(url);
        if (playing.seek === undefined) return skip('it cannot be told to seek from outside');
        await reaches(playing, 1);
        await playing.seek(5);
        const report = await playing.done;
        expect(report).toMatchObject({ ended: true, fatal: [], stalls: [] });
        // VLC's pictures bear no time; see there.
        const exact = (time: number | undefined) => (player === vlc ? Math.round(time ?? -1) : time);
        expect(report.played).toHaveLength(2);
        expect(report.played?.[1]?.map(exact)).toEqual([5, seconds]);
        expect(exact(report.endedAt)).toBe(seconds);
      });
    });
  }
});
