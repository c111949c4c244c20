import { setTimeout as delay } from 'node:timers/promises';
import { Parser } from 'm3u8-parser';
import { segmentCount } from '../../src/grid/grid.ts';
import { parseTrackDefaults } from '../../src/segment/moof.ts';
import { boxAt } from '../../src/segment/reader.ts';
import { until } from '../support/wait.ts';
import { fetchPatiently, GivenUp } from './patience.ts';
import { bufferSeconds, type Playhead, playhead } from './playhead.ts';
import type { Session, Video } from './session.ts';
import { framesIn, framesOf, gridOfSeconds, type TrackKind, type Truth, withoutPadding } from './truth.ts';

/** What playing needs. */
export interface PlayOptions {
  readonly who: string;
  readonly video: Video;
  readonly truth: Truth;
  readonly signal: AbortSignal;
  /** In real time, with a buffer; else as fast as it goes. */
  readonly realTime: boolean;
}

interface Track {
  readonly kind: TrackKind;
  readonly url: string;
  /** `{video}/{rendition}`, under which its files are the same for everybody. */
  readonly name: string;
}

interface Opened {
  readonly track: Track;
  readonly list: Parser['manifest'];
}

/** Whoever opens a page that does not answer opens it again, for so long, in milliseconds. */
const openMs = 90_000;

function parse(text: string): Parser['manifest'] {
  const parser = new Parser();
  parser.push(text);
  parser.end();
  return parser.manifest;
}

const textOf = async (url: string, signal: AbortSignal): Promise<string> => {
  const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.text();
};

/** Opens a video: its tracks with their lists, all of which have to answer. */
async function open({ video, signal }: PlayOptions): Promise<Opened[]> {
  const look = async (): Promise<Opened[]> => {
    if (signal.aborted) return [];
    const master = parse(await textOf(video.url, signal));
    const audio = Object.values(master.mediaGroups?.['AUDIO'] ?? {}).flatMap((group) =>
      Object.values(group),
    )[0];
    const uris = [
      ['video', master.playlists?.[0]?.uri],
      ['audio', audio?.uri],
    ] as const;
    return Promise.all(
      uris.map(async ([kind, uri = '']) => {
        const url = new URL(uri, video.url).href;
        const name = `${video.id}/${uri.split('/')[0] ?? ''}`;
        return { track: { kind, url, name }, list: parse(await textOf(url, signal)) };
      }),
    );
  };
  const opened = await until(look, { what: 'it opens', timeout: openMs, every: 1000 }).catch(
    (error: unknown) => {
      throw new GivenUp(`${video.url} did not open`, { cause: error });
    },
  );
  signal.throwIfAborted();
  return opened;
}

/** Plays a video as a browser's player does, without decoding it: every byte is checked. */
export async function play(options: PlayOptions): Promise<Session> {
  const { who, video, signal, realTime } = options;
  const grid = gridOfSeconds(video.seconds);
  const begun = performance.now();
  const clock = playhead(2, () => performance.now() / 1000);
  const session = {
    who,
    video,
    kind: realTime ? ('player' as const) : ('late' as const),
    expected: 2 * segmentCount(grid),
    got: 0,
    frames: 0,
    wrong: [] as string[],
    gotOver: [] as string[],
    died: undefined as string | undefined,
    openedMs: 0,
    stalls: clock.stalls,
  };
  try {
    const tracks = await open(options);
    session.openedMs = performance.now() - begun;
    await Promise.all(
      tracks.map(({ track, list }, index) =>
        playTrack(
          options,
          { track, list, index, clock },
          {
            got: (frames) => {
              session.got += 1;
              if (track.kind === 'video') session.frames += frames;
            },
            wrong: (what) => session.wrong.push(what),
            gotOver: (what) => session.gotOver.push(what),
          },
        ),
      ),
    );
  } catch (error) {
    if (!signal.aborted && !(error instanceof GivenUp)) throw error;
    session.died = signal.aborted ? 'interrupted' : (error as GivenUp).message;
  }
  return session;
}

interface Report {
  readonly got: (frames: number) => void;
  readonly wrong: (what: string) => void;
  readonly gotOver: (what: string) => void;
}

async function playTrack(
  { who, video, truth, signal, realTime }: PlayOptions,
  { track, list, index, clock }: Opened & { readonly index: number; readonly clock: Playhead },
  report: Report,
): Promise<void> {
  const grid = gridOfSeconds(video.seconds);
  const { kind, name, url } = track;
  const count = segmentCount(grid);
  if (list.segments.length !== count)
    report.wrong(`${name} lists ${list.segments.length} segments of ${count}`);
  const patience = { signal, onRetry: report.gotOver };
  const initUrl = new URL(list.segments[0]?.map?.uri ?? 'init.mp4', url).href;
  const init = withoutPadding(await fetchPatiently(initUrl, patience));
  truth.note(`${name}/init`, init, who);
  const defaults = parseTrackDefaults(boxAt(init, 'moov'));
  let end = 0;
  for (const [n, { uri, duration }] of list.segments.entries()) {
    if (realTime) await untilDue(clock, index, signal);
    const ahead = clock.ahead(index);
    const segment = withoutPadding(await fetchPatiently(new URL(uri, url).href, patience));
    end += duration;
    clock.arrived(index, end, ahead, `${name}/${n}`);
    truth.note(`${name}/${n}`, segment, who);
    try {
      const frames = framesOf(segment, defaults);
      if (frames !== framesIn(grid, kind, n))
        throw new Error(`${frames} frames of ${framesIn(grid, kind, n)}`);
      report.got(frames);
    } catch (error) {
      report.wrong(`${name}/${n}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Until the next segment of a track is due: the buffer is not full. */
async function untilDue(clock: Playhead, index: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const wait = clock.ahead(index) - bufferSeconds;
    if (wait <= 0) return;
    await delay(Math.max(10, wait * 1000), undefined, { signal });
  }
}
