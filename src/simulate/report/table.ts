import { figure, money, seconds, times } from '../../policy/words.ts';
import type { Comparison, Result } from '../compare.ts';

/** Columns of a comparison: heading, and what stands below it. */
const columns: readonly (readonly [heading: string, cell: (result: Result) => string])[] = [
  ['policy', ({ policy }) => policy],
  ['money a month', ({ moneyPerMonth }) => money(moneyPerMonth)],
  ['of optimum', ({ timesOptimum }) => `x ${timesOptimum.toFixed(3)}`],
  ['bucket requests', ({ bucketRequests }) => figure(bucketRequests)],
  ['GB stored', ({ gbStored }) => figure(gbStored)],
  ['GB moved', ({ gbMoved }) => figure(gbMoved)],
  ['CPU s copying', ({ cpuSecondsCopying }) => figure(Math.round(cpuSecondsCopying))],
  ['CPU s again', ({ cpuSecondsRenderingAgain }) => figure(Math.round(cpuSecondsRenderingAgain))],
  ['exposure', ({ exposureMean }) => seconds(exposureMean)],
  ['at most', ({ exposureMost }) => seconds(exposureMost)],
  ['interrupted', ({ viewersInterrupted }) => figure(viewersInterrupted)],
  ['cold starts', ({ coldStarts }) => figure(coldStarts)],
];

/** Headings and cells of a comparison, the offline optimum last. */
export function cellsOf({ results, optimumPerMonth }: Comparison): string[][] {
  const optimum = columns.map((_, index) =>
    index === 0 ? 'optimum' : index === 1 ? money(optimumPerMonth) : index === 2 ? 'x 1.000' : '',
  );
  return [
    columns.map(([heading]) => heading),
    ...results.map((result) => columns.map(([, cell]) => cell(result))),
    optimum,
  ];
}

/** What a comparison is about, in one line. */
export const headingOf = ({ trace, days, videos, views }: Comparison): string =>
  `${trace}: ${times(videos, 'video')}, ${times(views, 'view')}, ${times(Math.round(days * 100) / 100, 'day')}`;

/** The comparison as lines for a terminal. */
export function tableLines(comparison: Comparison): string[] {
  const rows = cellsOf(comparison);
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return [
    headingOf(comparison),
    ...rows.map((row) =>
      row
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    ),
    ...exposureLines(comparison),
  ];
}

const blocks = ' ▁▂▃▄▅▆▇█';
/** Characters of a line about exposure over time. */
const columnsOfTime = 60;

/** Exposure over time, a line for each policy, all of one scale. */
function exposureLines({ results }: Comparison): string[] {
  const most = results.reduce((top, { exposureMost }) => Math.max(top, exposureMost), 0);
  const width = results.reduce((longest, { policy }) => Math.max(longest, policy.length), 0);
  return [
    `exposure over time, up to ${seconds(most)}:`,
    ...results.map(({ policy, samples }) => {
      const line = Array.from({ length: columnsOfTime }, (_, column) => {
        const sample = samples[Math.floor(((column + 0.5) * samples.length) / columnsOfTime)];
        const part = most === 0 ? 0 : (sample?.exposure ?? 0) / most;
        return blocks[Math.ceil(part * (blocks.length - 1))] ?? ' ';
      });
      return `${policy.padEnd(width)}  ${line.join('')}`.trimEnd();
    }),
  ];
}
