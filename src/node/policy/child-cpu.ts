import { readFileSync } from 'node:fs';

/** Ticks of a second in `/proc`: Linux says 100 to every program, whatever its kernel counts in. */
const ticks = 100;

/** User and system time of all children that were waited for, in seconds (proc(5): cutime, cstime); undefined where nobody tells. */
function waitedFor(): number | undefined {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[13]) + Number(fields[14])) / ticks;
  } catch {
    return undefined;
  }
}

/**
 * CPU seconds of the child processes that ended since the last call: that of one encoder, where it is asked for when that ends. Of two that
 * end at once the first who asks gets both, which evens out. Undefined where the system does not tell.
 */
export function childCpu(read: () => number | undefined = waitedFor): () => number | undefined {
  let before = read();
  return () => {
    const now = read();
    const spent = now === undefined || before === undefined ? undefined : now - before;
    before = now;
    return spent;
  };
}
