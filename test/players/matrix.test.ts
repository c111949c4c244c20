import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserPlayers } from './browser.ts';
import { type Column, writeResults } from './document.ts';
import { explained, knownOf } from './known.ts';
import { mended } from './losing.ts';
import { nativePlayers } from './native/players.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { processorUse, type Stage, startStage } from './stage.ts';
import { judge, type Miss, misses, timed, type Verdict } from './verdict.ts';

// Each program that runs is ended with this process.
process.setMaxListeners(40);

const browsers = browserPlayers();
const all = [...browsers.players, ...nativePlayers];
/** `SEGUE_PLAYERS_NAMES=VLC,mpv`: some players, for work on them. */
const named = process.env['SEGUE_PLAYERS_NAMES']?.split(',');
const players = all.filter(({ name, unavailable }) => {
  if (named?.includes(name) === false) return false;
  if (unavailable !== undefined) process.stderr.write(`${name}: skipped: ${unavailable}\n`);
  return unavailable === undefined;
});
/** `SEGUE_PLAYERS_ONLY=lost,end`: some scenarios, for work on them. */
const only = process.env['SEGUE_PLAYERS_ONLY']?.split(',');
const chosen = scenarios.filter(({ id }) => only?.includes(id) ?? true);

/** `SEGUE_PLAYERS_STRICT=1`: no scenario is played again. What is claimed of several runs in a row was seen so. */
const strict = process.env['SEGUE_PLAYERS_STRICT'] === '1';

/** Part of the processors' time from which on they had no idle moment. */
const saturated = 0.97;

/** How a cell misses the goal without a recorded reason; empty where it does not. */
function unexplained(name: string, cell: Verdict, scenario: Scenario, busy: number): Miss[] {
  const allowed = knownOf(name, scenario.id).flatMap((limit) => explained(limit.known, cell));
  return misses(cell, scenario.waits).filter((miss) => {
    // A machine without an idle moment says nothing about time, and on a shared one it depends on the neighbours, as does
    // which player comes in time for the hard moment: that is judged in strict runs. Frames and errors always are.
    const isTold = timed.includes(miss) ? busy > saturated || !strict : miss === 'not exercised' && !strict;
    if (isTold && !allowed.includes(miss))
      process.stderr.write(
        `${scenario.id}, ${name}: ${miss} (told, not judged: processors ${busy.toFixed(2)} busy)\n`,
      );
    return !isTold && !allowed.includes(miss);
  });
}

/** A scenario as it was played once. */
interface Played {
  readonly cells: Map<string, Verdict>;
  /** Part of the processors' time that was used. */
  readonly busy: number;
  readonly seconds: number;
  /** Why it had been played before: what was missed then. */
  readonly again?: readonly string[];
}

async function perform(stage: Stage, scenario: Scenario): Promise<Played> {
  const use = processorUse();
  const began = performance.now();
  const seen = await scenario.run(stage, players);
  const busy = use();
  const seconds = (performance.now() - began) / 1000;
  await mended(stage);
  // VLC's pictures bear no time.
  const rules = { seconds: scenario.seconds, evidence: scenario.evidence };
  const cells = new Map(
    [...seen].map(([name, one]) => [name, judge(one, { ...rules, timeless: name === 'VLC' })]),
  );
  return { cells, busy, seconds };
}

/** What of a performance has to be told before it is played again; empty where it is good. */
function complaints({ cells, busy }: Played, scenario: Scenario): string[] {
  return [...cells].flatMap(([name, cell]) => {
    const missed = unexplained(name, cell, scenario, busy);
    if (missed.length > 0) process.stderr.write(`${scenario.id}, ${name}: ${JSON.stringify(cell)}\n`);
    return missed.length === 0 ? [] : [`${name}: ${missed.join(', ')}`];
  });
}

/** Plays a scenario, and once more where a cell misses the goal: a shared machine has moments of its own. That is told. */
async function performed(stage: Stage, scenario: Scenario): Promise<Played> {
  if (strict) return perform(stage, scenario);
  let told: string[];
  try {
    const first = await perform(stage, scenario);
    told = complaints(first, scenario);
    if (told.length === 0) return first;
  } catch (error) {
    told = [String(error)];
  }
  process.stderr.write(`${scenario.id}: played again, because\n  ${told.join('\n  ')}\n`);
  await mended(stage);
  return { ...(await perform(stage, scenario)), again: told };
}

describe.skipIf(players.length === 0)('player matrix', () => {
  let stage: Stage;
  const columns: Column[] = [];
  const versions = new Map<string, string>();

  beforeAll(async () => {
    stage = await startStage();
    for (const player of players) versions.set(player.name, await player.version());
  });
  afterAll(async () => {
    await browsers[Symbol.asyncDispose]();
    await stage?.[Symbol.asyncDispose]();
    if (columns.length > 0)
      process.stderr.write(`player matrix: written to ${await writeResults(columns, versions)}\n`);
  });

  describe.each(chosen)('$title', (scenario) => {
    let shown: Played | undefined;

    beforeAll(async () => {
      shown = await performed(stage, scenario);
      columns.push({ scenario, ...shown });
    }, 800_000);

    const members = players.filter((player) => scenario.excludes?.(player) === undefined);
    it.each(members.map(({ name }) => ({ name })))('$name', ({ name }) => {
      const cell = shown?.cells.get(name);
      if (shown === undefined || cell === undefined) throw new Error('it did not take part');
      expect(unexplained(name, cell, scenario, shown.busy), JSON.stringify(cell)).toEqual([]);
      // A limit that is gone is to leave the list.
      if (knownOf(name, scenario.id).some(({ known: { always } }) => always))
        expect(misses(cell).filter((miss) => miss !== 'not exercised')).not.toEqual([]);
    });
  });
});
