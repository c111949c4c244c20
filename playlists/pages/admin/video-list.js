// The list of videos: a listbox of which only the rows in sight are elements, however many there are.

import { element, setAttribute, setText } from './dom.js';
import { ago, clock, seconds } from './format.js';
import { gradientOf, moved, placeOf, words } from './strip.js';

/** Rows that are drawn beyond each edge, so that a fast finger sees no gap. */
const overscan = 6;
/** Marks of viewers on one strip. */
const mostMarks = 8;

const nobody = [];

export class VideoList {
  #box;
  #model;
  #onOpen;
  #pane = element('div', { className: 'pane', role: 'presentation' });
  #rows = [];
  #pool = [];
  #rowHeight = 44;
  #active = undefined;

  /** `onOpen(id)` is called for a row that is clicked, or entered. */
  constructor(box, model, onOpen) {
    this.#box = box;
    this.#model = model;
    this.#onOpen = onOpen;
    box.append(this.#pane);
    box.addEventListener('scroll', () => this.draw(), { passive: true });
    box.addEventListener('keydown', (event) => this.#key(event));
    box.addEventListener('focus', () => this.draw());
    box.addEventListener('click', (event) => this.#click(event));
    new ResizeObserver(() => this.#measure()).observe(box);
  }

  /** Shows other rows. */
  show(rows) {
    this.#rows = rows;
    this.#pane.style.height = `${rows.length * this.#rowHeight}px`;
    this.draw();
  }

  /** Makes a video the current one, and brings it in sight. */
  reveal(id) {
    const index = this.#rows.findIndex((row) => row.id === id);
    if (index >= 0) this.#go(index);
  }

  #measure() {
    const height = Number.parseFloat(getComputedStyle(this.#box).getPropertyValue('--row'));
    if (height > 0) this.#rowHeight = height;
    this.show(this.#rows);
  }

  /** Draws the rows in sight; of those, what has not changed is left alone. */
  draw() {
    const { scrollTop, clientHeight } = this.#box;
    const first = Math.max(0, Math.floor(scrollTop / this.#rowHeight) - overscan);
    const last = Math.min(
      this.#rows.length,
      Math.ceil((scrollTop + clientHeight) / this.#rowHeight) + overscan,
    );
    while (this.#pool.length < last - first) this.#pool.push(this.#newRow());
    const size = this.#pool.length;
    let active = '';
    for (const [at, slot] of this.#pool.entries()) {
      // The slot of row n is n modulo their number, so that scrolling moves none that stays in sight.
      const index = size === 0 ? 0 : first + ((at - (first % size) + size) % size);
      const row = index < last ? this.#rows[index] : undefined;
      this.#fill(slot, row, index);
      if (row !== undefined && row.id === this.#active) active = slot.item.id;
    }
    if (active === '') this.#box.removeAttribute('aria-activedescendant');
    else setAttribute(this.#box, 'aria-activedescendant', active);
  }

  #newRow() {
    const id = element('b');
    const age = element('small');
    const strip = element('div', { className: 'strip' }, [element('div', { className: 'fill' })]);
    const exposed = element('span', { className: 'exposed' });
    const viewers = element('span', { className: 'viewers' });
    const state = element('span', { className: 'state' });
    const item = element(
      'div',
      { className: 'video', role: 'option', id: `video-row-${this.#pool.length}` },
      [element('span', { className: 'name' }, [id, age]), strip, exposed, viewers, state],
    );
    this.#pane.append(item);
    return {
      item,
      id,
      age,
      strip,
      exposed,
      viewers,
      state,
      marks: [],
      row: undefined,
      heads: nobody,
      index: -1,
    };
  }

  #fill(slot, row, index) {
    const { item } = slot;
    if (row === undefined) {
      if (slot.row !== undefined || slot.index !== -2) item.hidden = true;
      slot.row = undefined;
      slot.index = -2;
      return;
    }
    const heads = this.#model.headsOf(row);
    const isActive = row.id === this.#active;
    setAttribute(item, 'aria-selected', String(isActive));
    setText(slot.age, ago(Date.parse(row.createdAt)));
    if (slot.index !== index) {
      item.hidden = false;
      item.style.transform = `translateY(${index * this.#rowHeight}px)`;
      item.setAttribute('aria-posinset', index + 1);
      slot.index = index;
    }
    setAttribute(item, 'aria-setsize', String(this.#rows.length));
    if (slot.row === row && slot.heads === heads) return;
    item.setAttribute('aria-label', sentence(row, heads));
    item.dataset.state = row.state;
    item.dataset.id = row.id;
    setText(slot.id, row.type === 'stream' && row.name !== '' ? row.name : shortId(row.id));
    slot.strip.firstChild.style.backgroundImage = gradientOf(row);
    setText(slot.exposed, row.exposureSeconds > 0 ? seconds(row.exposureSeconds) : '');
    setText(slot.viewers, heads.length > 0 ? `▾ ${heads.length}` : '');
    setText(slot.state, row.state);
    marks(slot, row, heads);
    slot.row = row;
    slot.heads = heads;
  }

  #click(event) {
    const id = event.target.closest('[role="option"]')?.dataset.id;
    if (id === undefined) return;
    this.#active = id;
    this.draw();
    this.#onOpen(id);
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = this.#rows.findIndex((row) => row.id === this.#active);
    const page = Math.max(1, Math.floor(this.#box.clientHeight / this.#rowHeight) - 1);
    const moves = {
      ArrowDown: at + 1,
      ArrowUp: Math.max(0, at - 1),
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.#rows.length - 1,
    };
    if ((event.key === 'Enter' || event.key === ' ') && at >= 0) this.#onOpen(this.#active);
    else if (event.key in moves) this.#go(moves[event.key]);
    else return;
    event.preventDefault();
  }

  #go(index) {
    const at = Math.min(this.#rows.length - 1, Math.max(0, index));
    if (at < 0) return;
    this.#active = this.#rows[at].id;
    const top = at * this.#rowHeight;
    const { scrollTop, clientHeight } = this.#box;
    if (top < scrollTop) this.#box.scrollTop = top;
    else if (top + this.#rowHeight > scrollTop + clientHeight)
      this.#box.scrollTop = top + this.#rowHeight - clientHeight;
    this.draw();
  }
}

/** The begin of an id: enough to tell and to search. */
export const shortId = (id) => id.slice(0, 10);

function marks(slot, row, heads) {
  const shown = heads.slice(0, mostMarks);
  while (slot.marks.length < shown.length) {
    const mark = element('i', { className: 'mark' });
    slot.strip.append(mark);
    slot.marks.push(mark);
  }
  for (const [index, mark] of slot.marks.entries()) {
    mark.hidden = index >= shown.length;
    if (!mark.hidden) mark.style.transform = moved(placeOf(shown[index], row.segments));
  }
}

/** A row, read aloud. */
function sentence(row, heads) {
  const kind = row.type === 'stream' ? `Stream ${row.name}` : `Video ${shortId(row.id)}`;
  const length = row.duration === null ? '' : `, ${clock(row.duration)} long`;
  const exposed = row.exposureSeconds > 0 ? `, ${seconds(row.exposureSeconds)} exposed` : '';
  const watched = heads.length > 0 ? `, viewers at segment ${heads.slice(0, mostMarks).join(', ')}` : '';
  return `${kind}, ${row.state}${length}: ${words(row)}${exposed}${watched}`;
}
