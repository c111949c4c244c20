// One chart, drawn by uPlot in the colours of the theme. The page loads uPlot's browser build before this.

import { element } from './dom.js';
import { hourAndMinute, timeOfDay } from './format.js';
import { colours } from './theme.js';

/** Height of a chart as wide as this window allows, in pixels. */
export const heightOf = () => (innerWidth < 700 ? 150 : 180);

/** Figures by series; stacked ones are sums, the last series first, so that it is drawn behind the others. */
function dataOf({ series, stacked = false }, points) {
  const values = series.map(([key]) => points.map((point) => point[key] ?? null));
  if (!stacked) return values;
  const sums = [];
  for (const [index, list] of values.entries()) {
    const below = sums[index - 1];
    sums.push(list.map((value, at) => (value === null ? null : value + (below?.[at] ?? 0))));
  }
  return sums.toReversed();
}

/** Draws a chart of these points into an element. */
export function plotOf(chart, points, body) {
  const { series, stacked = false, format, range, steps } = chart;
  const [line, soft] = colours('var(--line)', 'var(--soft)');
  const shades = colours(...series.map(([, , colour]) => `var(--${colour})`));
  const fills = colours(
    ...series.map(([, , colour]) =>
      stacked
        ? `color-mix(in srgb, var(--${colour}) 55%, var(--card))`
        : `color-mix(in srgb, var(--${colour}) 15%, transparent)`,
    ),
  );
  const order = [...series.keys()];
  if (stacked) order.reverse();
  const font = '11px system-ui, sans-serif';
  const axis = { stroke: soft, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
  return new window.uPlot(
    {
      width: body.clientWidth || 300,
      height: heightOf(),
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'segue' }, points: { size: 7 }, drag: { x: false, y: false } },
      scales: { y: { range: (_, low, high) => range ?? [0, Math.max(high ?? 0, 1e-9) * 1.1] } },
      axes: [
        { ...axis, size: 26, gap: 4, grid: { show: false }, values: times },
        {
          ...axis,
          ...(steps === undefined ? {} : { incrs: steps }),
          size: 64,
          values: (_, splits) => splits.map((value) => (value === 0 ? '0' : format(value))),
        },
      ],
      series: [
        {},
        ...order.map((index) => ({
          label: series[index][1],
          stroke: shades[index],
          width: 1.75,
          fill: stacked || order.length === 1 ? fills[index] : undefined,
          points: { show: false },
        })),
      ],
      plugins: [tooltip(chart, points)],
    },
    [points.map(({ at }) => at), ...dataOf(chart, points)],
    body,
  );
}

const times = (_, splits) => splits.map((at) => hourAndMinute(at * 1000));

/** What the figures are under the pointer. */
function tooltip({ series, format }, points) {
  const tip = element('div', { className: 'tip', hidden: true });
  return {
    hooks: {
      init: (plot) => plot.over.append(tip),
      setCursor(plot) {
        const { idx, left } = plot.cursor;
        const point = idx === null || idx === undefined ? undefined : points[idx];
        const known =
          point !== undefined && left >= 0 && series.some(([key]) => typeof point[key] === 'number');
        tip.hidden = !known;
        if (!known) return;
        tip.replaceChildren(
          element('b', { textContent: timeOfDay(point.at * 1000) }),
          ...series.map(([key, label]) =>
            element('span', {
              textContent: `${label}: ${typeof point[key] === 'number' ? format(point[key]) : '–'}`,
            }),
          ),
        );
        const isRight = left > plot.over.clientWidth / 2;
        tip.style.transform = `translateX(${isRight ? left - tip.offsetWidth - 12 : left + 12}px)`;
      },
    },
  };
}
