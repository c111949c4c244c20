// All videos at a glance: a small box each, newest first. For those who see and point; the list has the same for everybody.

import { counted, seconds } from './format.js';
import { countsOf } from './strip.js';
import { colours } from './theme.js';
import { shortId } from './video-list.js';

/** Fewer are seen better in the list. */
const fewest = 40;
/** Sizes of a box in pixels, and height of the whole. */
const box = { least: 3, most: 16 };
const height = 132;

/** How a video is placed, as the worst of its segments that exist; what nobody has made yet counts for nothing. */
function placeOf(row) {
  let place = places.get(row);
  if (place === undefined) {
    const { bucket, nodes, node } = countsOf(row);
    place = node > 0 ? 'node' : nodes > 0 ? 'nodes' : bucket > 0 ? 'bucket' : 'absent';
    if (row.state === 'failed') place = 'failed';
    places.set(row, place);
  }
  return place;
}

const places = new WeakMap();

export class Mosaic {
  #canvas;
  #model;
  #rows = [];
  #columns = 1;
  #size = box.most;
  #colours = undefined;

  constructor(canvas, model, onOpen) {
    this.#canvas = canvas;
    this.#model = model;
    canvas.addEventListener('click', (event) => {
      const row = this.#at(event);
      if (row !== undefined) onOpen(row.id);
    });
    canvas.addEventListener('pointermove', (event) => {
      const row = this.#at(event);
      canvas.title =
        row === undefined ? '' : `${shortId(row.id)}: ${row.state}, ${seconds(row.exposureSeconds)} exposed`;
    });
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement);
  }

  /** The theme has changed. */
  recolour() {
    this.#colours = undefined;
    this.draw();
  }

  show(rows) {
    this.#rows = rows;
    this.#canvas.hidden = rows.length < fewest;
    this.draw();
  }

  draw() {
    const canvas = this.#canvas;
    if (canvas.hidden || canvas.clientWidth === 0) return;
    const width = canvas.clientWidth;
    this.#size = box.most;
    while (
      this.#size > box.least &&
      Math.ceil(this.#rows.length / Math.floor(width / this.#size)) * this.#size > height
    )
      this.#size -= 1;
    this.#columns = Math.max(1, Math.floor(width / this.#size));
    const lines = Math.min(
      Math.ceil(this.#rows.length / this.#columns),
      Math.floor((2 * height) / this.#size),
    );
    const scale = devicePixelRatio;
    const [pixelWidth, pixelHeight] = [Math.round(width * scale), Math.round(lines * this.#size * scale)];
    if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
      canvas.width = pixelWidth;
      canvas.height = pixelHeight;
      canvas.style.height = `${lines * this.#size}px`;
    }
    const context = canvas.getContext('2d', { alpha: true });
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, lines * this.#size);
    const shades = (this.#colours ??= read());
    const gap = this.#size > 6 ? 2 : 1;
    const inner = this.#size - gap;
    const counts = { failed: 0, node: 0, nodes: 0, bucket: 0, absent: 0 };
    for (const [index, row] of this.#rows.entries()) {
      const line = Math.floor(index / this.#columns);
      const place = placeOf(row);
      counts[place] += 1;
      if (line >= lines) continue;
      const [x, y] = [(index % this.#columns) * this.#size, line * this.#size];
      context.fillStyle = shades[place];
      context.fillRect(x, y, inner, inner);
      if (this.#model.headsOf(row).length === 0) continue;
      const dot = Math.max(2, Math.round(inner / 2.5));
      context.fillStyle = shades.mark;
      context.fillRect(x + (inner - dot) / 2, y + (inner - dot) / 2, dot, dot);
    }
    canvas.setAttribute(
      'aria-label',
      `${counted(this.#rows.length, 'video')}: ${counts.bucket} in the bucket, ${counts.nodes} on several nodes, ${counts.node} with parts on one node only, ${counts.absent} not made, ${counts.failed} failed`,
    );
  }

  #at(event) {
    const column = Math.floor(event.offsetX / this.#size);
    if (column >= this.#columns) return undefined;
    return this.#rows[Math.floor(event.offsetY / this.#size) * this.#columns + column];
  }
}

function read() {
  const [bucket, nodes, node, absent, failed, mark] = colours(
    'var(--bucket)',
    'var(--nodes)',
    'var(--node)',
    'var(--absent)',
    'var(--danger)',
    'var(--text)',
  );
  return { bucket, nodes, node, absent, failed, mark };
}
