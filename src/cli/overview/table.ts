import widthOf from 'fast-string-truncated-width';
import type { Page, Tone } from './page.ts';

/** A cell; text alone, or with what it is about. */
export type Cell = string | { readonly text: string; readonly tone: Tone } | DrawnCell;

/** A cell that fills the room that is left, and colours itself. */
export interface DrawnCell {
  /** Without colours, as wide as told. */
  readonly draw: (width: number, page: Page) => string;
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** Shrinks to so many characters where there is no room. */
  readonly least?: number;
  /** Left out of terminals that are narrower. */
  readonly from?: number;
  /** A cell that draws itself gets so many columns at most. */
  readonly drawn?: number;
}

const gap = '  ';
/** A drawing is not worth less. */
const leastDrawing = 8;

const isDrawn = (cell: Cell | undefined): cell is DrawnCell => typeof cell === 'object' && 'draw' in cell;
const textOf = (cell: Cell | undefined): string =>
  cell === undefined || isDrawn(cell) ? '' : typeof cell === 'string' ? cell : cell.text;

/** The text in so many columns: cut with an ellipsis, or filled up with spaces. Without a bound it is as it is. */
export function fitted(text: string, width: number, right = false): string {
  if (width === Number.POSITIVE_INFINITY) return text;
  const cut = widthOf(text, { limit: width, ellipsis: '…' });
  const kept = cut.truncated ? text.slice(0, cut.index) + (cut.ellipsed ? '…' : '') : text;
  const space = ' '.repeat(Math.max(0, width - widthOf(kept).width));
  return right ? space + kept : kept + space;
}

/** Lays rows out in columns, fitted to the page: some columns are left out, some shrink, and drawings share what is left. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  page: Page,
): string[] {
  const { width: room = Number.POSITIVE_INFINITY } = page;
  const shown = [...columns.keys()].filter((index) => (columns[index]?.from ?? 0) <= room);
  const widths = shown.map((index) => {
    const cells = rows.map((row) => row[index]);
    const needed = Math.max(
      ...[columns[index]?.title ?? '', ...cells.map(textOf)].map((text) => widthOf(text).width),
    );
    return cells.some(isDrawn) ? Math.max(needed, leastDrawing) : needed;
  });
  const total = (): number => widths.reduce((sum, width) => sum + width + gap.length, -gap.length);
  // The widest of those that may shrink gives first.
  for (;;) {
    const spare = shown.map((column, at) => (widths[at] ?? 0) - (columns[column]?.least ?? Infinity));
    const most = Math.max(...spare);
    if (total() <= room || most <= 0) break;
    const at = spare.indexOf(most);
    widths[at] = (widths[at] ?? 0) - 1;
  }
  const drawn = [...shown.entries()].filter(([, column]) => rows.some((row) => isDrawn(row[column])));
  for (let grown = true; grown; ) {
    grown = false;
    for (const [at, column] of drawn) {
      if (total() >= room || (widths[at] ?? 0) >= (columns[column]?.drawn ?? 0)) continue;
      widths[at] = (widths[at] ?? 0) + 1;
      grown = true;
    }
  }
  const line = (cells: readonly Cell[], tone?: Tone): string =>
    shown
      .map((column, at) => {
        const cell = cells[column];
        const width = widths[at] ?? 0;
        if (isDrawn(cell)) return cell.draw(width, page);
        const text = fitted(textOf(cell), width, columns[column]?.right);
        const about = tone ?? (typeof cell === 'object' ? cell.tone : undefined);
        return about === undefined ? text : page.paint(about, text);
      })
      .join(gap)
      .trimEnd();
  return [
    line(
      columns.map(({ title }) => title),
      'quiet',
    ),
    ...rows.map((row) => line(row)),
  ];
}
