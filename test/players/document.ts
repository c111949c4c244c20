import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { explained, known, knownOf } from './known.ts';
import type { Scenario } from './scenarios.ts';
import { misses, timed, type Verdict } from './verdict.ts';

/** A scenario that was played. */
export interface Column {
  readonly scenario: Scenario;
  readonly cells: ReadonlyMap<string, Verdict>;
  /** Part of all processor time that was used meanwhile, by everything on the machine. */
  readonly busy: number;
  readonly seconds: number;
  /** Why it had been played before, where it was played twice: what was missed then. */
  readonly again?: readonly string[];
}

const begin = '<!-- results: written by `npm run players` -->';
const end = '<!-- end of results -->';
const docs = fileURLToPath(new URL('../../docs', import.meta.url));

/**
 * Writes the table into PLAYERS.md and everything measured into players.json: in docs/ with SEGUE_WRITE_DOCS=1, else in a
 * temporary folder, so that a run leaves the checkout as it is. @returns the folder
 */
export async function writeResults(
  columns: readonly Column[],
  versions: ReadonlyMap<string, string>,
): Promise<string> {
  const folder =
    process.env['SEGUE_WRITE_DOCS'] === '1' ? docs : join(tmpdir(), `segue-players-${process.pid}`);
  await mkdir(folder, { recursive: true });
  const page = await readFile(join(docs, 'PLAYERS.md'), 'utf8');
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error('docs/PLAYERS.md has no place for results');
  await writeFile(
    join(folder, 'PLAYERS.md'),
    `${before}${begin}\n\n${tables(columns, versions)}\n${end}${after}`,
  );
  await writeFile(
    join(folder, 'players.json'), // A line a cell.
    `${JSON.stringify(json(columns, versions)).replaceAll('},"', '},\n"')}\n`,
  );
  return folder;
}

function json(columns: readonly Column[], versions: ReadonlyMap<string, string>): object {
  return {
    players: Object.fromEntries(versions),
    scenarios: Object.fromEntries(
      columns.map(({ scenario: { id, title, seconds }, cells, busy, seconds: took, again }) => [
        id,
        {
          title,
          seconds,
          took: Math.round(took),
          busy: Math.round(busy * 100) / 100,
          ...(again && { playedAgainBecause: again }),
          cells: Object.fromEntries(cells),
        },
      ]),
    ),
  };
}

function tables(columns: readonly Column[], versions: ReadonlyMap<string, string>): string {
  const names = [...versions.keys()];
  return [
    `Played: ${names.map((name) => `${name} (${versions.get(name)})`).join(', ')}.`,
    '',
    table(
      ['scenario', ...names],
      columns.map(({ scenario, cells }) => [
        scenario.title,
        ...names.map((name) => cellText(name, scenario, cells.get(name))),
      ]),
    ),
    '',
    '### Limits of players',
    '',
    ...known.map(
      ({ players, why, instead }, index) =>
        `${index + 1}. **${players.join(', ')}.** ${why} *Nearest thing that works:* ${instead}`,
    ),
    '',
    '### Every cell',
    ...columns.flatMap((column) => details(column)),
  ].join('\n');
}

function cellText(name: string, scenario: Scenario, cell: Verdict | undefined): string {
  if (cell === undefined) return '–';
  const missed = misses(cell, scenario.waits);
  const limits = knownOf(name, scenario.id);
  if (missed.length > 0 && missed.every((miss) => timed.includes(miss))) {
    const waited = `${(((cell.stallMs ?? 0) + (cell.hiccupMs ?? 0)) / 1000).toFixed(1)} s`;
    return `stood still for ${waited} with data ahead`;
  }
  if (missed.length > 0) {
    const allowed = limits.filter(({ known }) =>
      explained(known, cell).some((miss) => missed.includes(miss)),
    );
    const unexplained = missed.filter(
      (miss) => !allowed.some(({ known }) => explained(known, cell).includes(miss)),
    );
    return unexplained.length === 0
      ? `limit ${allowed.map(({ number }) => number).join(', ')}`
      : `**${unexplained.join(', ')}**`;
  }
  const stalls = cell.stalls ?? 0;
  return stalls === 0 ? 'ok' : `ok, waited ${((cell.stallMs ?? 0) / 1000).toFixed(1)} s`;
}

function details({ scenario, cells, busy, seconds, again }: Column): string[] {
  const rows = [...cells].map(([name, cell]) => [
    name,
    number(cell.firstFrameMs),
    number(cell.shown),
    number(cell.dropped),
    lost(cell),
    cell.stalls === undefined ? '' : `${cell.stalls} (${cell.stallMs})`,
    number(cell.hiccupMs),
    cell.ahead === undefined ? '' : `${cell.ahead.toFixed(1)} (${cell.stallsAfter})`,
    number(cell.retried),
    sources(cell),
  ]);
  const head = ['player', 'first frame ms', 'shown', 'dropped', 'lost', 'stalls (ms)', 'hiccups ms'];
  return [
    '',
    `**${scenario.title}** (${scenario.seconds} s). ${scenario.what} Processors busy: ${Math.round(busy * 100)} %, took ${Math.round(seconds)} s.`,
    ...(again === undefined ? [] : ['', `It was played twice. The first time: ${again.join('; ')}.`]),
    '',
    table([...head, 'ahead s (stalls after)', 'errors got over', 'segments from'], rows),
  ];
}

function sources({ sources, sealed, sizes }: Verdict): string {
  if (sources === undefined) return 'not watched';
  const asked = Object.entries(sources).map(([name, count]) => `${name} ${count}`);
  const several = sizes?.includes(',') === true ? [`sizes ${sizes}`] : [];
  return [...(sealed ? [`bucket, listed ${sealed} a track`] : []), ...asked, ...several].join(', ');
}

/** Pictures of a player that are only counted may be missing without being lost. */
function lost({ lost, missing = 0 }: Verdict): string {
  if (missing === 0) return String(lost);
  return missing > 0 ? `${lost} (${missing} missing)` : `${lost} (${-missing} more)`;
}

const number = (value: number | undefined): string => (value === undefined ? '' : String(value));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
