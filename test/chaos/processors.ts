import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { descendants } from '../support/processes.ts';

/** Use of the processors between two moments. */
export interface ProcessorUse {
  /** Share of all processor time that anybody used, 0 to 1. */
  readonly busy: number;
  /** Processors that this run used, on average: with all that it has started. */
  readonly own: number;
  /** Processors there are. */
  readonly count: number;
}

/** Clock ticks a second in /proc (Linux: always). */
const ticks = 100;

/** Seconds of processor time of a process, and of what it has started and waited for. */
function secondsOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc(5): utime, stime, cutime, cstime are fields 14 to 17.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / ticks;
  } catch {
    return 0;
  }
}

function read(): { total: number; idle: number; own: number } {
  const times = cpus().map((each) => each.times);
  const idle = times.reduce((sum, each) => sum + each.idle, 0);
  return {
    idle,
    total: times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle),
    own: descendants(process.pid).reduce((sum, { pid }) => sum + secondsOf(pid), 0),
  };
}

/** Begins to measure. @returns what tells the use since then */
export function processorUse(): () => ProcessorUse {
  const before = read();
  const begun = performance.now();
  return () => {
    const now = read();
    return {
      busy: 1 - (now.idle - before.idle) / Math.max(1, now.total - before.total),
      own: (now.own - before.own) / ((performance.now() - begun) / 1000),
      count: cpus().length,
    };
  };
}
