#!/usr/bin/env node
import { appendFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runChaos } from './run.ts';
import { printed } from './verdict.ts';

const usage = `npm run chaos -- [options]
  --minutes N   length of the run (default 10)
  --seed N      the same seed does the same (default: any, printed)
  --viewers N   how many watch at once (default 20)
  --single      one fault at a time, with time to recover (15 minutes have every kind)
  --strict      stalls with a full buffer are a problem, too
  --log FILE    what the stack writes goes there
  --json        one JSON object a line, the last one is the verdict
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    viewers: { type: 'string', default: '20' },
    single: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
    log: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const [minutes, viewers] = [Number(values.minutes), Number(values.viewers)];
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(values.seed);
const isUsable =
  minutes > 0 && minutes <= 24 * 60 && Number.isInteger(viewers) && viewers > 0 && Number.isInteger(seed);
if (values.help || !isUsable) {
  process.stderr.write(usage);
  process.exit(values.help ? 0 : 2);
}

const { log } = values;
if (log !== undefined) writeFileSync(log, '');
const isTerminal = process.stdout.isTTY && !values.json;
const clear = isTerminal ? '\r\x1b[K' : '';
const print = (text: string): void => void process.stdout.write(`${clear}${text}\n`);
const stopped = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // A second one ends it at once; guards end what it has started.
    if (stopped.signal.aborted) process.exit(1);
    process.stderr.write(`${clear}${name}: stopping, with a verdict on what was until now\n`);
    stopped.abort();
  });
}

let [sessions, frames, gotOver] = [0, 0, 0];
const begun = performance.now();
const progress = isTerminal
  ? setInterval(() => {
      const seconds = Math.round((performance.now() - begun) / 1000);
      process.stdout.write(
        `${clear}${seconds} s of ${minutes * 60} s: ${sessions} sessions over, ${frames} frames, ${gotOver} failures got over`,
      );
    }, 1000)
  : undefined;

if (values.json) print(JSON.stringify({ event: 'start', seed, minutes, viewers }));
else print(`chaos with seed ${seed}: ${minutes} min, ${viewers} viewers`);
const verdict = await runChaos({
  minutes,
  seed,
  viewers,
  isSingle: values.single,
  strict: values.strict,
  signal: stopped.signal,
  tell: (seconds, text) =>
    print(
      values.json ? JSON.stringify({ event: 'happened', seconds, text }) : `+${seconds.toFixed(1)} s ${text}`,
    ),
  onLog: (piece) => {
    if (log !== undefined) appendFileSync(log, piece);
  },
  onSession: (session) => {
    sessions += 1;
    frames += session.frames;
    gotOver += session.gotOver.length;
    if (values.json) print(JSON.stringify({ event: 'session', ...session }));
  },
});
clearInterval(progress);
print(values.json ? JSON.stringify({ event: 'verdict', seed, ...verdict }) : printed(verdict));
process.exitCode = verdict.isGood ? 0 : 1;
