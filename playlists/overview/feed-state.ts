import { shownNode } from '../operator-routes.ts';
import type { Ports } from '../ports.ts';
import { shownEvent } from './shown-event.ts';
import { videoRow } from './video-row.ts';

/** Changed rows that wait to be told, and of them those that are told at once. */
const mostChanged = 2000;
const rowsAtOnce = 250;
/** Nodes, new videos, leases and events are looked at every other time. */
const slowEvery = 2;
/** An event may be written after one with a higher id: so many ids are looked at again. */
const overlap = 50;

/** A server-sent event. */
interface Message {
  readonly event: string;
  readonly data: string;
}

/** What one dashboard has been told, and what it is to be told next. */
interface FeedState {
  /** What is new since the last look. */
  look(): Promise<Message[]>;
  stop(): void;
}

/** Begins to follow. */
export function feedState(ports: Ports): FeedState {
  const { overview } = ports.catalog;
  const changed = new Set<string>();
  let overflown = false;
  const watch = ports.changes.watchAll(({ renderId }) => {
    if (changed.size < mostChanged) changed.add(renderId);
    else overflown = true;
  });
  /** What a failed look may have missed is read again by whoever follows. */
  let missed = false;
  let looks = 0;
  let live: ReadonlySet<string> = new Set();
  let newestUs: number | undefined;
  let leases: readonly { readonly renderId: string; readonly playhead: number }[] = [];
  const toldHeads = new Map<string, string>();
  let lastEvent: number | undefined;
  let toldEvents = new Set<number>();

  const message = (event: string, data: unknown): Message => ({ event, data: JSON.stringify(data) });

  /** Nodes; and, where one came or went, that what is said of every video may be wrong. */
  const nodeMessages = async (): Promise<Message[]> => {
    const nodes = await ports.catalog.nodes();
    const now = new Set(nodes.filter(({ state }) => state !== 'dead').map(({ id }) => id));
    const isStale = looks > 0 && (now.size !== live.size || [...now].some((id) => !live.has(id)));
    live = now;
    return [message('nodes', nodes.map(shownNode)), ...(isStale ? [message('stale', {})] : [])];
  };

  const noticeNew = async (): Promise<void> => {
    newestUs ??= (await overview.videos(1, {}))[0]?.createdAtUs ?? 0;
    const made = await overview.rendersSince(newestUs);
    for (const { renderId } of made) changed.add(renderId);
    newestUs = made.at(-1)?.createdAtUs ?? newestUs;
  };

  const eventMessages = async (): Promise<Message[]> => {
    lastEvent ??= (await overview.events(1))[0]?.id ?? 0;
    const events = await overview.eventsAfter(lastEvent - overlap);
    if (toldEvents.size === 0)
      toldEvents = new Set(events.filter(({ id }) => id <= (lastEvent ?? 0)).map(({ id }) => id));
    const fresh = events.filter(({ id }) => !toldEvents.has(id));
    toldEvents = new Set(events.map(({ id }) => id));
    lastEvent = Math.max(lastEvent, ...events.map(({ id }) => id));
    return fresh.length === 0 ? [] : [message('log', fresh.map(shownEvent))];
  };

  /** Where viewers are, of the renders where that has changed. One that nobody watches any more has an empty list. */
  const headMessages = (): Message[] => {
    const heads = ports.playheads.all();
    for (const { renderId, playhead } of leases) if (!heads.has(renderId)) heads.set(renderId, [playhead]);
    const moved: Record<string, number[]> = {};
    for (const [renderId, at] of heads) {
      const told = at.join();
      if (toldHeads.get(renderId) === told) continue;
      if (!toldHeads.has(renderId)) changed.add(renderId);
      toldHeads.set(renderId, told);
      moved[renderId] = at;
    }
    for (const renderId of toldHeads.keys()) {
      if (heads.has(renderId)) continue;
      toldHeads.delete(renderId);
      moved[renderId] = [];
    }
    return Object.keys(moved).length === 0 ? [] : [message('playheads', moved)];
  };

  const rowMessages = async (): Promise<Message[]> => {
    if (overflown) {
      overflown = false;
      changed.clear();
      return [message('stale', {})];
    }
    const ids = [...changed].slice(0, rowsAtOnce);
    for (const id of ids) changed.delete(id);
    const rows = await overview.videosOfRenders(ids);
    return rows.length === 0
      ? []
      : [
          message(
            'videos',
            rows.map((row) => videoRow(row, live)),
          ),
        ];
  };

  return {
    async look() {
      const messages: Message[] = missed ? [message('stale', {})] : [];
      missed = true;
      if (looks % slowEvery === 0) {
        messages.push(...(await nodeMessages()), ...(await eventMessages()));
        await noticeNew();
        leases = await overview.watched();
      }
      messages.push(...(await rowMessages()), ...headMessages());
      looks += 1;
      missed = false;
      return messages;
    },
    stop: () => watch.stop(),
  };
}
