// Charts of the last hours, as `plot.js` draws them; for those who cannot see them, the same figures as a table.

import { ask } from './api.js';
import { $, chips, element } from './dom.js';
import { bytes, hourAndMinute, percent, seconds, short } from './format.js';
import { heightOf, plotOf } from './plot.js';

/** Between two looks while the charts are in sight, in milliseconds. */
const everyMs = 15_000;
/** Rows of a table: more are too many to be read aloud. */
const tableRows = 12;

/** Steps of a scale of seconds that people find round. */
const durations = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200];
for (let days = 1; days < 1e6; days *= 2) durations.push(days * 86_400);

const perSecond = (value) => `${short(value)}/s`;

/** What is drawn. `stacked`: each on top of the one before. `colour` is a variable of the theme. */
const charts = [
  {
    title: 'Where segments come from',
    format: perSecond,
    stacked: true,
    series: [
      ['bucketAnswers', 'bucket', 'bucket'],
      ['nodeAnswers', 'nodes', 'node'],
      ['heldAnswers', 'held until made', 'held'],
    ],
  },
  {
    title: 'Exposed media',
    format: seconds,
    steps: durations,
    series: [['exposureSeconds', 'on one node only', 'node']],
  },
  {
    title: 'Videos',
    format: short,
    series: [
      ['watchedVideos', 'watched', 'accent'],
      ['renderingVideos', 'rendering', 'nodes'],
    ],
  },
  { title: 'Copy queue', format: short, series: [['copyQueue', 'segments waiting', 'nodes']] },
  {
    title: 'Copy rate',
    format: (value) => `${bytes(value)}/s`,
    series: [['copyRate', 'to the bucket', 'bucket']],
  },
  {
    title: 'Processors and disks',
    format: percent,
    range: [0, 1],
    series: [
      ['cpuMean', 'CPU, on average', 'accent'],
      ['cpuMost', 'CPU, busiest node', 'nodes'],
      ['diskMost', 'disk, fullest node', 'node'],
    ],
  },
  {
    title: 'Nodes',
    format: short,
    stacked: true,
    series: [
      ['nodesReady', 'ready', 'bucket'],
      ['nodesDraining', 'draining', 'node'],
      ['nodesDead', 'gone within the hour', 'danger'],
    ],
  },
];

export class Charts {
  #hours = 1;
  #points = [];
  #drawn = [];
  #timer;

  constructor() {
    const choices = [1, 3, 12, 24].map((hours) => [hours, `${hours} h`]);
    chips($('hours'), 'hours', choices, this.#hours, (hours) => {
      this.#hours = hours;
      void this.#look();
    });
    new ResizeObserver(() => this.#resize()).observe($('chart-list'));
  }

  /** Looks again and again from now on. */
  start() {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (!document.hidden) void this.#look();
    }, everyMs);
    void this.#look();
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** The theme has changed. */
  recolour() {
    if (this.#drawn.length > 0) this.#draw();
  }

  async #look() {
    try {
      const hours = this.#hours;
      const { points, stepSeconds } = await ask(`/v1/history?hours=${hours}`);
      if (hours !== this.#hours) return;
      this.#points = withGaps(points, stepSeconds, hours);
      $('chart-problem').textContent = '';
      this.#draw();
    } catch (error) {
      $('chart-problem').textContent = error.message;
    }
  }

  #draw() {
    for (const { plot } of this.#drawn) plot.destroy();
    const cards = charts.map((chart) => card(chart, this.#points));
    $('chart-list').replaceChildren(...cards.map(({ section }) => section));
    this.#drawn = cards.map(({ body, chart }) => ({ body, plot: plotOf(chart, this.#points, body) }));
  }

  #resize() {
    for (const { plot, body } of this.#drawn) {
      if (body.clientWidth > 0 && body.clientWidth !== plot.width)
        plot.setSize({ width: body.clientWidth, height: heightOf() });
    }
  }
}

/** A point without figures at both ends of the time, and where none was taken, so that a line is not drawn over a gap. */
function withGaps(points, stepSeconds, hours) {
  const now = Date.now() / 1000;
  const result = [{ at: now - hours * 3600 }];
  for (const point of points) {
    const last = result.at(-1);
    if (result.length > 1 && point.at - last.at > 2.5 * stepSeconds)
      result.push({ at: last.at + stepSeconds });
    if (point.at > result.at(-1).at) result.push(point);
  }
  if (now > result.at(-1).at) result.push({ at: now });
  return result;
}

function card(chart, points) {
  const body = element('div', { className: 'plot', aria: { hidden: 'true' } });
  const last = points.findLast((point) => point[chart.series[0][0]] !== undefined);
  const legend = chart.series.map(([key, label, colour]) => {
    const value = last?.[key];
    const swatch = element('i');
    swatch.style.background = `var(--${colour})`;
    return element('li', {}, [
      swatch,
      label,
      element('b', { textContent: value === null || value === undefined ? '–' : chart.format(value) }),
    ]);
  });
  const section = element('section', { className: 'card chart', aria: { label: chart.title } }, [
    element('h3', { textContent: chart.title }),
    element('ul', { className: 'legend' }, legend),
    body,
    element('details', {}, [element('summary', { textContent: 'As a table' }), table(chart, points)]),
  ]);
  return { section, body, chart };
}

function table({ title, series, format }, points) {
  const known = points.filter((point) => series.some(([key]) => typeof point[key] === 'number'));
  const every = Math.max(1, Math.ceil(known.length / tableRows));
  const rows = known.filter((_, index) => (known.length - 1 - index) % every === 0);
  const cell = (value) => element('td', { textContent: typeof value === 'number' ? format(value) : '–' });
  return element('table', {}, [
    element('caption', { className: 'hidden', textContent: title }),
    element('thead', {}, [
      element(
        'tr',
        {},
        ['Time', ...series.map(([, label]) => label)].map((text) =>
          element('th', { scope: 'col', textContent: text }),
        ),
      ),
    ]),
    element(
      'tbody',
      {},
      rows.map((point) =>
        element('tr', {}, [
          element('th', { scope: 'row', textContent: hourAndMinute(point.at * 1000) }),
          ...series.map(([key]) => cell(point[key])),
        ]),
      ),
    ),
  ]);
}
