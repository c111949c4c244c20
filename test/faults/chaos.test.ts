import { expect, test } from 'vitest';
import { runChaos } from '../chaos/run.ts';
import { printed } from '../chaos/verdict.ts';

test('a minute of chaos: every viewer finishes with every frame', async () => {
  const verdict = await runChaos({
    minutes: 0.9,
    seed: 1,
    viewers: 8,
    isSingle: false,
    strict: false,
    signal: new AbortController().signal,
    tell: (seconds, text) => void process.stderr.write(`+${seconds.toFixed(1)} s ${text}\n`),
  });
  process.stderr.write(`${printed(verdict)}\n`);
  expect(verdict.problems).toEqual([]);
  expect(verdict.faults.length).toBeGreaterThan(3);
}, 600_000);
