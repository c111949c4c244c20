import { cpus } from 'node:os';

/** What is told is about at least this much time, in milliseconds: between two heartbeats one process more or less is everything. */
const windowMs = 2000;

/** Processor time of a machine since it started, in any unit. */
export interface CpuTimes {
  readonly busy: number;
  readonly all: number;
}

/** Processor time of all processors of this machine, in milliseconds. */
export function cpuTimes(): CpuTimes {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq + times.idle;
    all += sum;
    busy += sum - times.idle;
  }
  return { busy, all };
}

/** Returns a function that tells which part of the machine's processor time was used lately, 0 to 1. */
export function cpuUse(
  read: () => CpuTimes = cpuTimes,
  now: () => number = () => performance.now(),
): () => number {
  let begun = { at: now(), times: read() };
  let use = 0;
  return () => {
    const at = now();
    if (at - begun.at < windowMs) return use;
    const times = read();
    const all = times.all - begun.times.all;
    use = all <= 0 ? 0 : Math.min(1, Math.max(0, (times.busy - begun.times.busy) / all));
    begun = { at, times };
    return use;
  };
}
