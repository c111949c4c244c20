import type { Comparison } from '../compare.ts';
import { barChart, escaped, type Frame, legend, lineChart } from './chart.ts';
import { headingOf } from './table.ts';

/** Items of a bill, in the words of a legend. */
const items = {
  rendering: 'rendering',
  renderingAgain: 'rendering again',
  out: 'transfer to viewers',
  disk: 'disks',
  storage: 'bucket',
  requests: 'requests',
  copying: 'copying',
} as const;

const pieces = [...Object.values(items), 'all but rendering'];

/** Readable on light and on dark, in a page and alone. */
const style =
  '<style>svg{--ink:#222;--paper:#fff;--line:#ddd}@media(prefers-color-scheme:dark){svg{--ink:#ddd;--paper:#16181c;--line:#3a3d44}}text{font:12px system-ui,sans-serif;fill:var(--ink)}.title{font-weight:bold}.grid{stroke:var(--line)}.paper{fill:var(--paper)}</style>';

/** One picture of a comparison: what each policy costs, item by item beside the optimum, and what is at risk over time. SVG. */
export function pictureOf(comparison: Comparison): string {
  const { results, days } = comparison;
  const names = results.map(({ policy }) => policy);
  const optimum = comparison.optimumPerMonth - comparison.optimumRenderingPerMonth;
  const bars = [
    ...results.map(({ policy, billPerMonth }) => ({
      name: policy,
      pieces: (Object.keys(items) as (keyof typeof items)[]).map((item) => billPerMonth[item]),
    })),
    { name: 'optimum', pieces: [comparison.optimumRenderingPerMonth, 0, 0, 0, 0, 0, 0, optimum] },
  ];
  const over = (title: string, figure: 'exposure' | 'stored' | 'disk', scale: number, frame: Frame): string =>
    lineChart(
      title,
      results.map(({ policy, samples }) => ({
        name: policy,
        points: samples.map((sample) => [sample.at / 86_400, sample[figure] / scale] as const),
      })),
      { unit: 'days', most: days },
      frame,
    );
  const parts = [
    barChart('Money a month', bars, { x: 60, y: 40, width: 380, height: 180 }),
    legend(pieces.slice(0, 4), 60, 264),
    legend(pieces.slice(4), 60, 284, 4),
    over('Hours of media with one copy, on a node', 'exposure', 3600, {
      x: 510,
      y: 40,
      width: 350,
      height: 80,
    }),
    over('GB in the bucket', 'stored', 1e9, { x: 510, y: 170, width: 350, height: 80 }),
    legend(names, 510, 290),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 305" role="img" aria-label="${escaped(headingOf(comparison))}">${style}<rect class="paper" width="900" height="305"/>${parts.join('')}</svg>`;
}
