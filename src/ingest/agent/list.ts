import { SegueError } from '../../ops/errors.ts';
import { type Part, parsePlaylist, partName, type SourceMedia } from '../playlist.ts';
import type { Delivery } from './deliver.ts';
import type { Folder, FoundFile } from './folder.ts';

/** What following one playlist takes. */
export interface ListParts {
  readonly folder: Folder;
  readonly delivery: Delivery;
  /** Monotonic clock in milliseconds. */
  readonly now: () => number;
  readonly onDelivered: (segments: number, bytes: number) => void;
  /** What is wrong with the playlist or with what it lists; said once. The rest goes on. */
  readonly onProblem: (problem: SegueError) => void;
}

/** A playlist in a folder, and how far it is delivered. */
export interface FollowedList {
  /**
   * Delivers what has changed since the last step: what it lists, then the list. `last`: nothing is written any more, so what
   * cannot be read is broken. @throws SegueError `no_node`, `unauthorized`, where nothing can be delivered at all
   */
  step(signal: AbortSignal, last: boolean): Promise<void>;
  /** Undefined for a multivariant playlist, and while it cannot be read. */
  readonly media: SourceMedia | undefined;
  /** It cannot be read, and may be half written. */
  readonly unread: boolean;
  /** Nodes have all that it lists, or have given up what never came. */
  readonly complete: boolean;
  /** Why it is not delivered as it is now. Its next version may be. */
  readonly failure: SegueError | undefined;
  /** Whether something that it listed never was delivered. */
  readonly lossy: boolean;
}

/** A playlist that cannot be read, or a listed file that is not there, for so long is wrong, not half written; milliseconds. */
const patienceMs = 3000;
/** How often missing files are sent in one go: each round has those that the answer to the last one named. */
const rounds = 200;
/** Segments at the end of a list whose files may have been written again. */
const lookBack = 64;

/** What concerns more than one playlist. */
const isFatal = (error: unknown): boolean =>
  !(error instanceof SegueError) || error.code === 'no_node' || error.code === 'unauthorized';

/** A range of a file that grows stays what it is; a whole file is another one when it is written again. */
const stampOf = (part: Part, file: FoundFile): string => (part.range === undefined ? file.stamp : file.inode);

/** Follows a playlist from now on; what its nodes have already is not sent again. */
export function followList(path: string, parts: ListParts): FollowedList {
  const { folder, delivery, now } = parts;
  let stamp: string | undefined;
  let media: SourceMedia | undefined;
  let brokenSince: number | undefined;
  let complete = false;
  let failure: SegueError | undefined;
  let lossy = false;
  let said = '';
  /** Of listed parts, by name: the stamp of what was sent, of what no node takes, and since when what nodes lack is not there. */
  const sent = new Map<string, string>();
  const refused = new Map<string, string>();
  const absent = new Map<string, number>();

  const tell = (problem: SegueError): void => {
    if (problem.message !== said) parts.onProblem(problem);
    said = problem.message;
  };

  /** Sends a part if it is there. */
  const send = async (part: Part, signal: AbortSignal): Promise<boolean> => {
    const name = partName(part);
    const { range } = part;
    const file = await folder.look(part.path);
    const isThere =
      file !== undefined && file.size >= (range === undefined ? 1 : range.offset + range.length);
    if (!isThere || refused.get(name) === stampOf(part, file)) return false;
    let size = 0;
    const open = async (): Promise<Blob | undefined> => {
      const body = await folder.open(part.path, range);
      size = body?.size ?? 0;
      return body;
    };
    try {
      const received = await delivery.put(part, open, signal);
      if (received === undefined) return false;
      parts.onDelivered(received.admitted, size);
    } catch (error) {
      if (isFatal(error)) throw error;
      refused.set(name, stampOf(part, file));
      lossy = true;
      tell(error as SegueError);
      return false;
    }
    sent.set(name, stampOf(part, file));
    absent.delete(name);
    return true;
  };

  /** Sends what has been written again under a name that was sent. `first`: nodes may have everything already, and say what not. */
  const sendChanged = async (list: SourceMedia, first: boolean, signal: AbortSignal): Promise<void> => {
    // A producer that starts again writes a short list; in a long one, only its end is looked at again.
    const recent = list.segments.filter(
      ({ part }, index) => first || index >= list.segments.length - lookBack || !sent.has(partName(part)),
    );
    const needed = recent.flatMap(({ part, map }) => (map === undefined ? [part] : [map, part]));
    const byName = new Map(needed.map((part) => [partName(part), part]));
    const files = new Map<string, FoundFile | undefined>();
    for (const [name, part] of byName) {
      if (!files.has(part.path)) files.set(part.path, await folder.look(part.path));
      const file = files.get(part.path);
      if (file === undefined) continue;
      if (first) sent.set(name, stampOf(part, file));
      else if (sent.get(name) !== stampOf(part, file)) await send(part, signal);
    }
  };

  /** Only what is listed is remembered. */
  const forgetUnlisted = (list: SourceMedia): void => {
    const names = new Set(list.segments.flatMap(namesOf));
    for (const known of [sent, refused])
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    for (const name of absent.keys()) {
      if (names.has(name)) continue;
      absent.delete(name);
      lossy = true;
    }
  };

  const deliver = async (text: Blob, signal: AbortSignal, last: boolean): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      const received = await delivery.put({ path, range: undefined }, async () => text, signal);
      const missing = received?.missing ?? [];
      parts.onDelivered(received?.admitted ?? 0, 0);
      complete = missing.length === 0;
      let found = 0;
      for (const name of missing) {
        if (await send(partNamed(name), signal)) found += 1;
        else if (!refused.has(name) && !absent.has(name)) absent.set(name, now());
      }
      if (found === 0) break;
    }
    const gone = [...absent].find(([, since]) => last || now() - since >= patienceMs)?.[0];
    if (gone !== undefined) tell(new SegueError('not_found', `${path} lists ${gone}, which is not there`));
  };

  const broken = (error: SegueError, file: FoundFile): void => {
    failure = error;
    stamp = file.stamp;
    tell(error);
  };

  const step = async (signal: AbortSignal, last: boolean): Promise<void> => {
    const file = await folder.look(path);
    if (file === undefined || file.size === 0) return;
    if (file.stamp === stamp && (complete || failure !== undefined)) return;
    // Read once, so that what is sent is what was understood, however the file changes meanwhile.
    const body = await folder.open(path);
    const text = await body?.text().catch(() => undefined);
    if (text === undefined) return;
    const first = media === undefined;
    try {
      const list = parsePlaylist(path, text);
      media = list.type === 'media' ? list : undefined;
      brokenSince = undefined;
    } catch (error) {
      if (!(error instanceof SegueError)) throw error;
      brokenSince ??= now();
      if (last || now() - brokenSince >= patienceMs) broken(prefixed(path, error), file);
      return;
    }
    try {
      if (media !== undefined) await sendChanged(media, first, signal);
      await deliver(new Blob([text]), signal, last);
      if (media !== undefined) forgetUnlisted(media);
      stamp = file.stamp;
      failure = undefined;
    } catch (error) {
      if (isFatal(error)) throw error;
      broken(error as SegueError, file);
    }
  };

  return {
    step,
    get media() {
      return media;
    },
    get unread() {
      return brokenSince !== undefined && failure === undefined;
    },
    get complete() {
      return complete;
    },
    get failure() {
      return failure;
    },
    get lossy() {
      return lossy || absent.size > 0;
    },
  };
}

/** Reads a part's name back: `path`, or `path@offset+length`. */
function partNamed(name: string): Part {
  const match = /^(.*)@(\d+)\+(\d+)$/.exec(name);
  if (match === null) return { path: name, range: undefined };
  return { path: match[1] ?? '', range: { offset: Number(match[2]), length: Number(match[3]) } };
}

/** Names of all parts that a segment needs. */
const namesOf = ({ part, map, mapKey, key }: SourceMedia['segments'][number]): string[] => [
  partName(part),
  ...(map === undefined ? [] : [partName(map)]),
  ...[mapKey, key].flatMap((each) => each?.path ?? []),
];

const prefixed = (path: string, error: SegueError): SegueError =>
  new SegueError(error.code, `${path}: ${error.message}`, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
