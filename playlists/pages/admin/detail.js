// One video: where each of its renditions is, place by place, and who watches.

import { ask } from './api.js';
import { $, element, setText } from './dom.js';
import { ago, clock, seconds } from './format.js';
import { gradient, gradientOf, gradientOfRanges, moved, placeOf, words } from './strip.js';

/** Between two looks while nothing is said to have changed, in milliseconds. */
const lookMs = 5000;
const leastMs = 500;

export class Detail {
  #dialog = $('detail');
  #model;
  #id;
  #drawn;
  /** The link to the playlist. Leads nowhere before the service has told the URL, which may be signed. */
  #play;
  #looking = new AbortController();

  constructor(model) {
    this.#model = model;
    this.#dialog.addEventListener('close', () => this.#looking.abort());
    // A click beside it closes it.
    this.#dialog.addEventListener('click', (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
  }

  open(id) {
    this.#looking.abort();
    this.#looking = new AbortController();
    this.#id = id;
    this.#drawn = undefined;
    this.#play = element('a', { hidden: true, textContent: 'Playlist' });
    const close = element('button', { type: 'button', className: 'tool', textContent: 'Close' });
    close.addEventListener('click', () => this.#dialog.close());
    this.#dialog.replaceChildren(
      element('div', { className: 'drawer-body' }, [
        element('div', { className: 'head' }, [
          element('h2', { id: 'detail-title', textContent: 'Video' }),
          close,
        ]),
        element('p', { className: 'id', textContent: id }),
        element('div', { className: 'facts' }),
        element('div', { className: 'places' }, [
          element('p', { className: 'quiet', textContent: 'Looking…' }),
        ]),
        element('p', { className: 'problem', role: 'alert' }),
      ]),
    );
    this.show();
    if (!this.#dialog.open) this.#dialog.showModal();
    void this.#look(this.#looking.signal);
  }

  /** Draws what the list knows of it; called whenever something may have changed. */
  show() {
    if (!this.#dialog.open && this.#drawn !== undefined) return;
    const row = this.#model.video(this.#id);
    if (row === undefined) return;
    const heads = this.#model.headsOf(row);
    if (this.#drawn?.row === row && this.#drawn.heads === heads) return;
    this.#drawn = { row, heads };
    const body = this.#dialog.firstElementChild;
    setText($('detail-title'), row.type === 'stream' ? `Stream ${row.name}` : 'Video');
    const strip = element('div', { className: 'strip big', role: 'img', aria: { label: words(row) } }, [
      element('div', { className: 'fill' }),
      ...heads.map(() => element('i', { className: 'mark' })),
    ]);
    strip.firstChild.style.backgroundImage = gradientOf(row);
    for (const [index, n] of heads.entries())
      strip.children[index + 1].style.transform = moved(placeOf(n, row.segments));
    const facts = [
      ['State', row.state],
      ['Exposed', row.exposureSeconds > 0 ? seconds(row.exposureSeconds) : 'nothing'],
      [
        'Length',
        row.duration === null ? counted(row.segments) : `${clock(row.duration)}, ${counted(row.segments)}`,
      ],
      ['Rendered by', row.holder ?? 'nobody now'],
      ['Viewers', heads.length === 0 ? 'none seen' : `at segment ${heads.join(', ')}`],
      ['Made', `${ago(Date.parse(row.createdAt))} ago`],
    ];
    body.querySelector('.facts').replaceChildren(
      strip,
      element('p', { className: 'quiet', textContent: words(row) }),
      element(
        'dl',
        {},
        facts.map(([name, value]) =>
          element('div', {}, [element('dt', { textContent: name }), element('dd', { textContent: value })]),
        ),
      ),
      element('p', {}, [this.#play]),
    );
  }

  /** Looks again when the row was replaced, because something has changed then, and now and then. */
  async #look(signal) {
    while (!signal.aborted) {
      const seen = this.#drawn?.row;
      try {
        const video = await ask(`/v1/videos/${encodeURIComponent(this.#id)}`, { signal });
        if (signal.aborted) return;
        this.#play.href = video.url;
        this.#play.hidden = false;
        this.#showPlaces(video);
        this.#problem('');
      } catch (error) {
        if (signal.aborted) return;
        this.#problem(error.message);
      }
      const until = performance.now() + lookMs;
      do await new Promise((resolve) => setTimeout(resolve, leastMs));
      while (!signal.aborted && performance.now() < until && this.#drawn?.row === seen);
    }
  }

  #problem(text) {
    setText(this.#dialog.querySelector('.problem'), text);
  }

  #showPlaces(video) {
    const row = this.#model.video(this.#id);
    const heads = row === undefined ? [] : this.#model.headsOf(row);
    const failure = video.failure ?? null;
    const blocks = video.renditions.map((rendition) => renditionBlock(rendition, heads));
    this.#dialog
      .querySelector('.places')
      .replaceChildren(
        ...(failure === null ? [] : [element('p', { className: 'problem', textContent: failure })]),
        ...blocks,
      );
  }
}

const counted = (segments) => `${segments} segment${segments === 1 ? '' : 's'}`;
const total = (ranges) => ranges.reduce((sum, [from, to]) => sum + to - from, 0);

/** Ranges of a node's copies as runs: `node` where nobody else has them, `nodes` where another place has them as well. */
function runsOfNode(ranges, others, segments) {
  const isIn = (list, n) => list.some(([from, to]) => from <= n && n < to);
  const runs = [];
  for (let n = 0; n < segments; n += 1) {
    const source = !isIn(ranges, n) ? 'absent' : others.some((list) => isIn(list, n)) ? 'nodes' : 'node';
    if (runs.at(-1)?.[1] === source) runs.at(-1)[0] = n + 1;
    else runs.push([n + 1, source]);
  }
  return runs;
}

/** What a place holds, as the background of a strip. */
function fillOf(place, { bucket, nodes, segments }) {
  if (place === 'bucket') return gradientOfRanges(bucket, segments, 'var(--bucket)');
  const others = [bucket, ...Object.entries(nodes).flatMap(([id, ranges]) => (id === place ? [] : [ranges]))];
  return gradient(runsOfNode(nodes[place], others, segments), segments);
}

function renditionBlock(rendition, heads) {
  const { name, path, kind, onDemand = false, segments, bucket, nodes } = rendition;
  const places = [['bucket', bucket], ...Object.entries(nodes)].filter(([, ranges]) => total(ranges) > 0);
  const rows = places.map(([place, ranges]) => {
    const held = total(ranges);
    const track = element(
      'div',
      { className: 'strip thin', role: 'img', aria: { label: `${held} of ${counted(segments)}` } },
      [element('div', { className: 'fill' }), ...heads.map(() => element('i', { className: 'mark' }))],
    );
    track.firstChild.style.backgroundImage = fillOf(place, rendition);
    for (const [index, n] of heads.entries())
      track.children[index + 1].style.transform = moved(placeOf(n, segments));
    return element('li', {}, [
      element('span', { textContent: place, title: place }),
      track,
      element('small', { textContent: `${held}/${segments}` }),
    ]);
  });
  const note = onDemand ? `${kind}, made on demand` : kind;
  return element('section', { aria: { label: `Rendition ${path ?? name}` } }, [
    element('h3', {}, [name, element('small', { textContent: ` ${note}` })]),
    rows.length === 0
      ? element('p', { className: 'quiet', textContent: 'nothing yet' })
      : element('ul', {}, rows),
  ]);
}
