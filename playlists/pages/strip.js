// The strip: one row a rendition, one cell a segment, coloured by where copies are.

/** Cells a row; a longer video has several segments in each. */
const maxCells = 160;

/** Colours and letters of places, in the order in which nodes are first heard of. */
export class Places {
  #nodes = [];

  /** @param {string} id of a node @returns {number} */
  indexOf(id) {
    if (!this.#nodes.includes(id)) this.#nodes.push(id);
    return this.#nodes.indexOf(id);
  }

  /** Colour of a place: a node id, `bucket`, or `held` for a request that was held, whose answer does not say. */
  colour(place) {
    if (place === 'held') return 'var(--soft)';
    return place === 'bucket' ? 'var(--bucket)' : `var(--node-${this.indexOf(place) % 4})`;
  }

  /** A letter for those who cannot tell colours apart. */
  letter(place) {
    return place === 'bucket' ? '✓' : String.fromCharCode(65 + (this.indexOf(place) % 26));
  }

  get nodes() {
    return this.#nodes;
  }
}

const contains = (ranges, n) => ranges.some(([from, to]) => n >= from && n < to);

/** Places that hold a segment: `bucket` first, then nodes. */
export function holders(rendition, n) {
  const nodes = Object.entries(rendition.nodes).filter(([, ranges]) => contains(ranges, n));
  return [...(contains(rendition.bucket, n) ? ['bucket'] : []), ...nodes.map(([id]) => id)];
}

/** Start of every segment and the end of the last, in seconds, from the runs of equal segments that the service tells. */
export function startsOf(runs) {
  const starts = [0];
  for (const { from, to, seconds } of runs) {
    for (let n = from; n < to; n += 1) starts.push(starts.at(-1) + seconds);
  }
  return starts;
}

/** Draws and updates the rows. `places` gives colours, `onDetail` gets a text about the cell under the pointer. */
export class Strips {
  #element;
  #places;
  #onDetail;
  #rows = new Map();
  #group = 1;

  constructor(element, places, onDetail) {
    this.#element = element;
    this.#places = places;
    this.#onDetail = onDetail;
  }

  /** Begins anew; `starts` as of {@link startsOf}. */
  reset(names, starts) {
    const segments = starts.length - 1;
    this.#rows.clear();
    this.#element.replaceChildren();
    this.#group = Math.ceil(segments / maxCells);
    for (const name of names) this.#addRow(name, segments, starts);
  }

  #addRow(name, segments, starts) {
    const row = document.createElement('div');
    row.className = 'strip';
    const label = document.createElement('b');
    label.textContent = name;
    const track = document.createElement('div');
    track.className = 'track';
    const list = document.createElement('ol');
    list.className = 'cells';
    // The row is summed up in one sentence; a hundred cells read aloud help nobody.
    list.setAttribute('role', 'img');
    const cells = [];
    for (let first = 0; first < segments; first += this.#group) {
      const last = Math.min(segments, first + this.#group) - 1;
      const item = document.createElement('li');
      item.className = 'cell';
      item.style.setProperty('--seconds', (starts[last + 1] - starts[first]).toFixed(3));
      item.append(document.createElement('i'), document.createElement('u'));
      item.dataset.at = 'absent';
      const cell = {
        item,
        first,
        last,
        from: starts[first],
        to: starts[last + 1],
        at: 'absent',
        all: [],
        came: undefined,
      };
      item.addEventListener('pointerenter', () => this.#onDetail(describe(name, cell)));
      item.addEventListener('pointerleave', () => this.#onDetail(''));
      cells.push(cell);
      list.append(item);
    }
    const head = document.createElement('span');
    head.className = 'head';
    head.hidden = true;
    track.append(list, head);
    row.append(label, track);
    this.#element.append(row);
    this.#rows.set(name, { list, cells, head });
  }

  /** Shows where copies are now. `dead` are nodes whose copies cannot be had. */
  update(renditions, dead) {
    for (const rendition of renditions) {
      const row = this.#rows.get(rendition.name);
      if (row === undefined) continue;
      const counts = new Map();
      for (const cell of row.cells) {
        for (let n = cell.first; n <= cell.last; n += 1) {
          const all = holders(rendition, n).filter((place) => !dead.has(place));
          // Of a group, the least safe segment is shown.
          if (n === cell.first || all.length < cell.all.length) cell.all = all;
          const at = all[0] ?? 'absent';
          counts.set(at, (counts.get(at) ?? 0) + 1);
        }
        this.#paint(cell);
      }
      row.list.setAttribute('aria-label', summary(counts));
    }
  }

  #paint(cell) {
    const at = cell.all[0] ?? 'absent';
    if (cell.item.dataset.at === at) return;
    cell.item.dataset.at = at;
    const box = cell.item.firstElementChild;
    box.textContent = at === 'absent' ? '' : this.#places.letter(at);
    if (at === 'absent') cell.item.style.removeProperty('--source');
    else cell.item.style.setProperty('--source', this.#places.colour(at));
  }

  /** Notes where this viewer got a segment from. */
  came(name, n, source) {
    const cell = this.#rows.get(name)?.cells[Math.floor(n / this.#group)];
    if (cell === undefined) return;
    cell.came = source;
    cell.item.dataset.came = source;
    cell.item.style.setProperty('--came', this.#places.colour(source));
  }

  /** Moves the play heads to a time in seconds. */
  play(time) {
    for (const { cells, head } of this.#rows.values()) {
      head.hidden = false;
      for (const cell of cells) {
        const now = time >= cell.from && time < cell.to;
        cell.item.classList.toggle('now', now);
        if (!now) continue;
        const part = (time - cell.from) / (cell.to - cell.from);
        head.style.left = `${cell.item.offsetLeft + part * cell.item.offsetWidth - 1}px`;
      }
    }
  }
}

function describe(name, cell) {
  const which = cell.first === cell.last ? `segment ${cell.first}` : `segments ${cell.first} to ${cell.last}`;
  const copies = cell.all.length === 0 ? 'not made yet' : `copies: ${cell.all.join(', ')}`;
  const came = cell.came === undefined ? 'not fetched' : `fetched from ${cell.came}`;
  return `${name} ${which}, ${cell.from.toFixed(2)} to ${cell.to.toFixed(2)} s: ${copies}; ${came}`;
}

function summary(counts) {
  const parts = [...counts].map(([at, count]) => {
    if (at === 'absent') return `${count} not made yet`;
    return at === 'bucket' ? `${count} in the bucket` : `${count} only on ${at}`;
  });
  return parts.join(', ');
}
