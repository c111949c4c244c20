import { SegueError } from '../../ops/errors.ts';
import { type Part, parsePlaylist, partName, type SourceMedia } from '../playlist.ts';
import type { Delivery } from './deliver.ts';
import type { Folder, FoundFile } from './folder.ts';

/** How far a folder is delivered. */
export interface FollowProgress {
  /** Segments that nodes listed because of us. */
  readonly segments: number;
  readonly bytes: number;
  /** Media playlists that were delivered, and how many of them had ended. */
  readonly playlists: number;
  readonly ended: number;
}

/** Follows the playlists in a folder. */
export interface Following {
  /**
   * Delivers what has changed since the last step: what a playlist lists, then the playlist. A file counts as complete when a
   * playlist lists it. `last`: nothing is written any more, so what cannot be read is broken. @throws SegueError where the stream
   * cannot be delivered
   */
  step(signal: AbortSignal, last?: boolean): Promise<FollowProgress>;
  /** Whether every media playlist has ended and is delivered. */
  readonly done: boolean;
}

/** A playlist that cannot be read for so long is broken, not half written, in milliseconds. */
const brokenMs = 3000;
/** How often missing files are sent in one go: each round has those that the answer to the last one named. */
const rounds = 200;

/** Segments at the end of a list whose files may have been written again. */
const lookBack = 64;

interface Followed {
  stamp: string;
  media: SourceMedia | undefined;
  brokenSince: number | undefined;
  /** All that it lists is delivered. */
  complete: boolean;
}

/** Reads a part's name back: `path`, or `path@offset+length`. */
function partNamed(name: string): Part {
  const match = /^(.*)@(\d+)\+(\d+)$/.exec(name);
  if (match === null) return { path: name, range: undefined };
  return { path: match[1] ?? '', range: { offset: Number(match[2]), length: Number(match[3]) } };
}

/** A range of a file that grows stays what it is; a whole file is another one when it is written again. */
const stampOf = (part: Part, file: FoundFile): string => (part.range === undefined ? file.stamp : file.inode);

/** Follows a folder from now on; what its nodes have already is not sent again. */
export function followFolder(folder: Folder, delivery: Delivery, now = () => performance.now()): Following {
  const followed = new Map<string, Followed>();
  const sent = new Map<string, string>();
  let segments = 0;
  let bytes = 0;

  /** Sends a part if it is there. */
  const send = async (part: Part, signal: AbortSignal): Promise<boolean> => {
    const file = await folder.look(part.path);
    const { range } = part;
    if (
      file === undefined ||
      file.size === 0 ||
      (range !== undefined && range.offset + range.length > file.size)
    ) {
      return false;
    }
    const body = await folder.open(part.path, range);
    const { admitted } = await delivery.put(part, body, signal);
    segments += admitted;
    sent.set(partName(part), stampOf(part, file));
    bytes += body.size;
    return true;
  };

  /** Sends what has been written again under a name that was sent. `first`: nodes may have everything already, and say what not. */
  const sendChanged = async (
    { segments: list }: SourceMedia,
    first: boolean,
    signal: AbortSignal,
  ): Promise<void> => {
    // A producer that starts again writes a short list; in a long one, only its end is looked at again.
    const recent = list.filter(
      ({ part }, index) => first || index >= list.length - lookBack || !sent.has(partName(part)),
    );
    const needed = recent.flatMap(({ part, map }) => (map === undefined ? [part] : [map, part]));
    const parts = new Map(needed.map((part) => [partName(part), part]));
    const stamps = new Map<string, FoundFile | undefined>();
    for (const [name, part] of parts) {
      if (!stamps.has(part.path)) stamps.set(part.path, await folder.look(part.path));
      const file = stamps.get(part.path);
      if (file === undefined) continue;
      if (first) sent.set(name, stampOf(part, file));
      else if (sent.get(name) !== stampOf(part, file)) await send(part, signal);
    }
    for (const name of sent.keys()) if (sent.size > 2 * list.length + 10_000) sent.delete(name);
  };

  const deliver = async (path: string, state: Followed, text: Blob, signal: AbortSignal): Promise<void> => {
    const first = state.stamp === '';
    if (state.media !== undefined) await sendChanged(state.media, first, signal);
    for (let round = 0; round < rounds; round += 1) {
      const { admitted, missing } = await delivery.put({ path, range: undefined }, text, signal);
      segments += admitted;
      state.complete = missing.length === 0;
      let found = 0;
      for (const name of missing) if (await send(partNamed(name), signal)) found += 1;
      if (found === 0) return;
    }
  };

  const look = async (path: string, signal: AbortSignal, last: boolean): Promise<void> => {
    const file = await folder.look(path);
    const state = followed.get(path) ?? {
      stamp: '',
      media: undefined,
      brokenSince: undefined,
      complete: false,
    };
    if (file === undefined || file.size === 0 || (file.stamp === state.stamp && state.complete)) return;
    followed.set(path, state);
    // Read once, so that what is sent is what was understood, however the file changes meanwhile.
    const text = await (await folder.open(path)).text().catch(() => undefined);
    if (text === undefined) return;
    try {
      const list = parsePlaylist(path, text);
      state.media = list.type === 'media' ? list : undefined;
      if (list.type === 'multivariant') state.complete = true;
      state.brokenSince = undefined;
    } catch (error) {
      state.brokenSince ??= now();
      if (!last && now() - state.brokenSince < brokenMs) return;
      throw error instanceof SegueError
        ? new SegueError(error.code, `${path}: ${error.message}`, {
            cause: error,
            ...(error.hint && { hint: error.hint }),
          })
        : error;
    }
    await deliver(path, state, new Blob([text]), signal);
    state.stamp = file.stamp;
  };

  const media = (): Followed[] => [...followed.values()].filter((state) => state.media !== undefined);
  return {
    async step(signal, last = false) {
      for (const path of await folder.playlists()) await look(path, signal, last);
      const lists = media();
      const ended = lists.filter((state) => state.complete && state.media?.ended === true).length;
      return { segments, bytes, playlists: lists.length, ended };
    },
    get done() {
      const lists = media();
      return lists.length > 0 && lists.every((state) => state.complete && state.media?.ended === true);
    },
  };
}
