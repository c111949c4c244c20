import type { Comparison } from '../compare.ts';
import { escaped } from './chart.ts';
import { pictureOf } from './picture.ts';
import { cellsOf, headingOf } from './table.ts';

const style = `
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ddd }
@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #16181c; --line: #3a3d44 } }
body { margin: 2rem auto; max-width: 84rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
figure { margin: 1rem 0; overflow-x: auto } svg { width: 100%; min-width: 40rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums } div { overflow-x: auto }
th, td { padding: .25rem .75rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left }`;

const row = (cells: readonly string[], tag: 'th' | 'td'): string =>
  `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;

/** Comparisons as one page that needs nothing else: to open, or to attach. */
export function pageOf(comparisons: readonly Comparison[]): string {
  const parts = comparisons.map((comparison) => {
    const [head = [], ...rows] = cellsOf(comparison);
    const body = rows.map((cells) => row(cells, 'td')).join('');
    return `<section><h2>${escaped(headingOf(comparison))}</h2><div><table><thead>${row(head, 'th')}</thead><tbody>${body}</tbody></table></div><figure>${pictureOf(comparison)}</figure></section>`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>segue simulate</title><style>${style}</style></head><body><h1>What policies cost, and what is at risk</h1>${parts.join('')}</body></html>
`;
}
