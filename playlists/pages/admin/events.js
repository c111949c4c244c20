// The event log: what happened, newest first, with what repeats itself put together.

import { ask } from './api.js';
import { $, chips, element, setText } from './dom.js';
import { counted, timeOfDay } from './format.js';
import { shortId } from './video-list.js';

/** Events that are kept here; the service has more. */
const mostEvents = 2000;
const pageSize = 200;
/** What is alike and so close together is one line, in milliseconds: what is as it should be is put together sooner. */
const togetherMs = { info: 300_000, warning: 5000, error: 5000 };

const levels = [
  ['all', 'all'],
  ['warning', 'warnings and errors'],
  ['error', 'errors'],
];
const ranks = { info: 0, warning: 1, error: 2 };

export class EventLog {
  #events = [];
  #level = 'all';
  #onOpen;
  #onNew;
  #isVisible = false;

  /** `onOpen(id)`: somebody wants to see a video. `onNew(event)`: something bad has just happened. */
  constructor(onOpen, onNew) {
    this.#onOpen = onOpen;
    this.#onNew = onNew;
    chips($('levels'), 'level', levels, 'all', (level) => {
      this.#level = level;
      this.#draw();
    });
    $('older').addEventListener('click', () => void this.#older());
  }

  /** Reads the newest ones. */
  async start() {
    const { events } = await ask(`/v1/event-log?limit=${pageSize}`);
    this.#put(events);
  }

  /** Events that have just happened, as the service tells them. */
  add(events) {
    this.#put(events);
    const worst = events.filter(({ level }) => level !== 'info').sort((a, b) => b.id - a.id)[0];
    if (worst !== undefined) this.#onNew(worst, events.length);
  }

  setVisible(isVisible) {
    this.#isVisible = isVisible;
    if (isVisible) this.#draw();
  }

  #put(events) {
    const known = new Map(this.#events.map((event) => [event.id, event]));
    for (const event of events) known.set(event.id, event);
    this.#events = [...known.values()].sort((a, b) => b.id - a.id).slice(0, mostEvents);
    if (this.#isVisible) this.#draw();
  }

  async #older() {
    const last = this.#events.at(-1);
    const button = $('older');
    button.disabled = true;
    try {
      const { events } = await ask(
        `/v1/event-log?limit=${pageSize}${last === undefined ? '' : `&before=${last.id}`}`,
      );
      this.#put(events);
      const isEnd = events.length < pageSize || this.#events.length >= mostEvents;
      button.hidden = isEnd;
    } catch (error) {
      setText(button, `Older (${error.message})`);
    } finally {
      button.disabled = false;
    }
  }

  #draw() {
    const least = ranks[this.#level] ?? 0;
    const shown = grouped(this.#events.filter(({ level }) => ranks[level] >= least));
    $('event-list').replaceChildren(
      ...(shown.length === 0
        ? [element('li', { className: 'quiet', textContent: 'Nothing of that kind has happened.' })]
        : []),
      ...shown.map((group) => this.#item(group)),
    );
  }

  #item([event, ...more]) {
    const at = new Date(event.at);
    const isToday = at.toDateString() === new Date().toDateString();
    const time = element('time', {
      dateTime: event.at,
      textContent: isToday ? timeOfDay(at) : `${at.toLocaleDateString()} ${timeOfDay(at)}`,
    });
    const text = element('div', {}, [event.text, ...this.#video(event)]);
    if (more.length > 0) {
      text.append(
        element('details', {}, [
          element('summary', { textContent: `and ${counted(more.length, 'more', 'more')} like it` }),
          ...more.flatMap((one) => this.#video(one)),
        ]),
      );
    }
    return element('li', { data: { level: event.level } }, [
      time,
      element('span', { className: 'badge', textContent: event.kind }),
      text,
    ]);
  }

  /** A button that shows the video that an event is about, if it is about one. */
  #video({ videoId }) {
    if (videoId === null) return [];
    const button = element('button', {
      type: 'button',
      className: 'link',
      textContent: shortId(videoId),
      aria: { label: `Show video ${shortId(videoId)}` },
    });
    button.addEventListener('click', () => this.#onOpen(videoId));
    return [' ', button];
  }
}

/** Neighbours of the same kind and node, of about the same time. */
export function grouped(events) {
  const groups = [];
  for (const event of events) {
    const last = groups.at(-1);
    const before = last?.at(-1);
    const isAlike =
      before !== undefined &&
      before.kind === event.kind &&
      before.nodeId === event.nodeId &&
      event.videoId !== null &&
      Math.abs(Date.parse(last[0].at) - Date.parse(event.at)) < togetherMs[event.level];
    if (isAlike) last.push(event);
    else groups.push([event]);
  }
  return groups;
}
