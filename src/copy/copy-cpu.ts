/** What a process has used and done so far. */
export interface CpuLook {
  /** CPU seconds of the process, its children apart. */
  readonly cpu: number;
  /** Monotonic seconds. */
  readonly at: number;
  /** Grows with whatever else than copying is done. */
  readonly other: number;
}

/** Estimates the CPU that copying costs: one thread does it beside everything else, and nothing says for whom it works. */
export interface CopyCpu {
  /** A segment was copied. @returns the CPU seconds that it is taken to have cost */
  copied(bytes: number): number;
  /** Compares with the last look. Where nothing but copying was done between them, the estimate is corrected by what was used. */
  look(now: CpuLook): void;
}

/**
 * CPU seconds of a copy and of each of its bytes, read, checksum, PUT and row together: measured on one core of 2.5 GHz
 * (docs/decisions/0026).
 */
const cost = { copy: 0.005, byte: 8e-9 };
/** CPU seconds for which the figures above count when they are compared with what was measured. */
const prior = 0.25;
/** How much of what was learned stays with each new lesson. */
const memory = 0.95;
const bounds = { least: 0.1, most: 10 };

/** Begins with the figures of another machine. */
export function copyCpu(): CopyCpu {
  let last: CpuLook | undefined;
  let since = 0;
  let idleRate = 0;
  let expected = prior;
  let measured = prior;
  const factor = (): number => Math.min(bounds.most, Math.max(bounds.least, measured / expected));
  return {
    copied(bytes) {
      const plain = cost.copy + cost.byte * bytes;
      since += plain;
      return plain * factor();
    },
    look(now) {
      const before = last;
      const copied = since;
      last = now;
      since = 0;
      if (before?.other !== now.other) return;
      const used = now.cpu - before.cpu;
      const seconds = now.at - before.at;
      if (copied === 0) {
        idleRate = idleRate * 0.8 + (used / Math.max(seconds, 1e-3)) * 0.2;
        return;
      }
      measured = measured * memory + Math.max(0, used - idleRate * seconds);
      expected = expected * memory + copied;
    },
  };
}
