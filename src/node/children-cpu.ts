import { readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second wherever Node.js runs (USER_HZ). */
const ticks = 100;

/**
 * CPU seconds of the processes that this one has started and that have ended: ffmpeg and hosts of modules (`cutime`, `cstime` of
 * proc(5)). 0 where the system does not tell.
 */
export function childrenCpuSeconds(): number {
  try {
    // The name of the program, in brackets, may have spaces in it.
    const fields = readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    const seconds = (Number(fields[13]) + Number(fields[14])) / ticks;
    return Number.isFinite(seconds) ? seconds : 0;
  } catch {
    return 0;
  }
}
