import { stripVTControlCharacters } from 'node:util';
import widthOf from 'fast-string-truncated-width';
import { describe, expect, it } from 'vitest';
import { age, length, percent, rate, risk, tally } from '../../../src/cli/overview/figures.ts';
import { oneLine, type Page, plainPage } from '../../../src/cli/overview/page.ts';
import { drawStrip, type Strip } from '../../../src/cli/overview/strip.ts';
import { type Column, fitted, tableLines } from '../../../src/cli/overview/table.ts';

/** A page that shows what was painted. */
const marked = (width?: number): Page => ({ width, paint: (tone, text) => `<${tone} ${text}>` });

const columns: readonly Column[] = [
  { title: 'ID' },
  { title: 'COUNT', right: true },
  { title: 'WIDE', from: 60 },
  { title: 'BAR', drawn: 10 },
  { title: 'NAME', least: 4 },
];
const bar = { draw: (width: number) => '#'.repeat(width) };
const rows = [
  ['one', '7', 'w', bar, 'a name that is rather long'],
  ['twelve', { text: '1200', tone: 'bad' as const }, 'w', bar, '夜の散歩'],
];

describe('tableLines', () => {
  it('lays everything out where nothing has to fit', () => {
    expect(tableLines(columns, rows, plainPage())).toEqual([
      'ID      COUNT  WIDE  BAR         NAME',
      'one         7  w     ##########  a name that is rather long',
      'twelve   1200  w     ##########  夜の散歩',
    ]);
  });

  it.each([30, 40, 59, 60, 80])('fits %i columns, with characters of two columns too', (width) => {
    const lines = tableLines(columns, rows, plainPage(width));
    for (const line of lines) expect(widthOf(line).width, line).toBeLessThanOrEqual(width);
    expect(lines[0]?.includes('WIDE')).toBe(width >= 60);
  });

  it('colours what is filled up, not what it is filled up to', () => {
    const lines = tableLines(
      [{ title: 'A' }, { title: 'B' }],
      [[{ text: 'x', tone: 'good' }, 'y']],
      marked(),
    );
    expect(lines).toEqual(['<quiet A>  <quiet B>', '<good x>  y']);
  });
});

describe('fitted', () => {
  it('cuts with an ellipsis, between characters, and fills up', () => {
    expect(fitted('abcdef', 4)).toBe('abc…');
    expect(fitted('夜の散歩', 5)).toBe('夜の…');
    expect(fitted('夜の散歩', 4)).toBe('夜… ');
    expect(fitted('ab', 4)).toBe('ab  ');
    expect(fitted('ab', 4, true)).toBe('  ab');
    expect(fitted('ab', Infinity)).toBe('ab');
  });
});

describe('drawStrip', () => {
  const strip: Strip = [
    [4, 'bucket'],
    [6, 'nodes'],
    [7, 'node'],
    [10, 'absent'],
  ];

  it('has a column for each segment where there is room', () => {
    expect(drawStrip(strip, 10, plainPage())).toBe('████▒▒░···');
    expect(drawStrip(strip, 20, plainPage())).toBe('████████▒▒▒▒░░······');
  });

  it('shows the worst of the segments that share a column', () => {
    expect(drawStrip(strip, 5, plainPage())).toBe('██▒··');
    expect(drawStrip(strip, 1, plainPage())).toBe('·');
  });

  it('colours runs at once, and is empty without segments', () => {
    expect(drawStrip(strip, 10, marked())).toBe('<good ████><link ▒▒><raised ░><quiet ···>');
    expect(drawStrip([], 3, plainPage())).toBe('   ');
  });
});

describe('figures', () => {
  it('says how long ago something was in one unit', () => {
    const now = Date.parse('2026-01-02T12:00:00Z');
    const ages = ['11:59:59.9', '11:59:48', '11:58:31', '11:55:00', '10:00:00', '00:00:00'];
    expect(ages.map((time) => age(`2026-01-02T${time}Z`, now))).toEqual([
      'now',
      '12s',
      '89s',
      '5m',
      '2h',
      '12h',
    ]);
    expect(age('2025-12-30T12:00:00Z', now)).toBe('3d');
    // A clock that is ahead.
    expect(age('2026-01-02T12:00:05Z', now)).toBe('now');
  });

  it('says lengths, risks, rates and parts', () => {
    expect([5, 65, 3723.4, null].map(length)).toEqual(['0:05', '1:05', '1:02:03', '-']);
    expect([0, 4.25, 95, 720, 12_600].map(risk)).toEqual(['0 s', '4.3 s', '95 s', '12 min', '3.5 h']);
    expect([0, 1500, 2.5e6].map(rate)).toEqual(['0', '1.5 kB/s', '2.5 MB/s']);
    expect([0, 0.415, 1, undefined].map(percent)).toEqual(['0%', '42%', '100%', '-']);
    expect([tally({ ready: 2, dead: 1, draining: 0 }), tally({ ready: 0 })]).toEqual([
      '2 ready, 1 dead',
      'none',
    ]);
  });
});

describe('oneLine', () => {
  it('leaves nothing that a terminal would obey', () => {
    const hostile = '\u001B[2Jgone\r\nnext\u009B31m\u202Eend\u0007';
    expect(oneLine(hostile)).toBe('[2Jgone next 31m end');
    expect(stripVTControlCharacters(oneLine(hostile))).toBe(oneLine(hostile));
  });
});
