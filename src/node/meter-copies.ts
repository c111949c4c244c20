import { copyCpu } from '../copy/copy-cpu.ts';

/** Meters what copying costs beside everything else that this process does. */
export interface CopyMeter {
  /** @returns the CPU seconds that this copy is taken to have cost */
  copied(bytes: number): number;
  /** Says that the process did something else. */
  otherWork(): void;
  stop(): void;
}

/** Between two looks, in milliseconds. */
const lookMs = 1_000;

/** Looks once a second; `isQuiet` says whether nothing but copying goes on now. */
export function meterCopies(isQuiet: () => boolean): CopyMeter {
  const meter = copyCpu();
  let other = 0;
  const timer = setInterval(() => {
    const { user, system } = process.cpuUsage();
    if (!isQuiet()) other += 1;
    meter.look({ cpu: (user + system) / 1e6, at: performance.now() / 1000, other });
  }, lookMs);
  timer.unref();
  return {
    copied: (bytes) => meter.copied(bytes),
    otherWork: () => {
      other += 1;
    },
    stop: () => clearInterval(timer),
  };
}
