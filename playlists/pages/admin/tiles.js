// The headline figures, each with its last hour.

import { element, setText } from './dom.js';
import { bytes, count, percent, seconds } from './format.js';

const space = 'http://www.w3.org/2000/svg';

/** `key` of the figure's history; `of` makes its text and what stands below it from the model. */
const tiles = [
  {
    name: 'exposure',
    label: 'Exposed media',
    hint: 'Seconds of playable media whose only copy is one node',
    key: 'exposureSeconds',
    of: ({ totals }) => [seconds(totals.exposureSeconds), `in ${count(totals.counts.exposed)} videos`],
  },
  {
    name: 'watched',
    label: 'Watched now',
    hint: 'Videos of which somebody was given a segment within the last half minute',
    key: 'watchedVideos',
    of: ({ totals }) => [count(totals.counts.watched), `of ${count(totals.counts.all)} videos`],
  },
  {
    name: 'rendering',
    label: 'Rendering',
    hint: 'Videos that a node holds the lease of',
    key: 'renderingVideos',
    of: ({ nodes }) => [count(nodes.leases), `${count(nodes.encoders)} encoders at work`],
  },
  {
    name: 'queue',
    label: 'Copy queue',
    hint: 'Segments on nodes that wait to be copied to the bucket',
    key: 'copyQueue',
    of: ({ nodes }) => [count(nodes.copyQueue), `${bytes(nodes.copyRate)}/s`],
  },
  {
    name: 'sources',
    label: 'From the bucket',
    hint: 'Part of the segments of the last minutes that players were sent to the bucket for',
    key: 'bucketPart',
    of: ({ recent }) => [
      percent(recent.part),
      `${recent.perSecond.toFixed(recent.perSecond < 10 ? 1 : 0)} segments/s`,
    ],
  },
  {
    name: 'nodes',
    label: 'Nodes ready',
    hint: 'Nodes that answer and take new renders',
    key: 'nodesReady',
    of: ({ nodes, known }) => [`${nodes.ready}`, `of ${known} of the last hour`],
  },
];

export class Tiles {
  #shown = new Map();

  constructor(list) {
    for (const { name, label, hint } of tiles) {
      const value = element('strong', { id: `tile-${name}` });
      const below = element('small');
      const spark = document.createElementNS(space, 'svg');
      spark.setAttribute('viewBox', '0 0 100 24');
      spark.setAttribute('preserveAspectRatio', 'none');
      spark.setAttribute('aria-hidden', 'true');
      spark.append(document.createElementNS(space, 'path'), document.createElementNS(space, 'path'));
      list.append(
        element('div', { className: 'tile', data: { name } }, [
          element('dt', { textContent: label, title: hint }),
          element('dd', {}, [value, below, spark]),
        ]),
      );
      this.#shown.set(name, { value, below, spark });
    }
  }

  /** Shows what is so now. */
  show(now) {
    for (const { name, of } of tiles) {
      const { value, below } = this.#shown.get(name);
      const [text, small] = of(now);
      setText(value, text);
      setText(below, small);
    }
  }

  /** Shows how it came to be so. */
  showHistory(points) {
    const more = points.map((point) => ({ ...point, bucketPart: bucketPart(point) }));
    for (const { name, key } of tiles) {
      const [area, line] = this.#shown.get(name).spark.children;
      const path = sparkline(more.map((point) => point[key]));
      line.setAttribute('d', path);
      area.setAttribute('d', path === '' ? '' : `${path}L100 24L${path.slice(1).split(' ', 1)[0]} 24Z`);
    }
  }
}

/** Part of the answers that were the bucket's; null where there were none. */
export function bucketPart({ bucketAnswers, nodeAnswers, heldAnswers }) {
  const all = bucketAnswers + nodeAnswers + heldAnswers;
  return all === 0 ? null : bucketAnswers / all;
}

/** SVG path of figures, 100 by 24; what is null is left out. */
export function sparkline(values) {
  const known = values.flatMap((value, index) => (value === null ? [] : [[index, value]]));
  if (known.length < 2) return '';
  const most = Math.max(...known.map(([, value]) => value), 1e-9);
  const places = known.map(([index, value]) => {
    const x = (100 * index) / (values.length - 1);
    return `${x.toFixed(1)} ${(22 - (20 * value) / most).toFixed(1)}`;
  });
  return `M${places.join('L')}`;
}
