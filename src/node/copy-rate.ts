/** The rate is one of this much time, in seconds. */
const windowSeconds = 10;

/** Bytes a second, of lately. */
export interface CopyRate {
  /** Notes that so many bytes were copied. */
  add(bytes: number): void;
  /** Bytes a second over the last ten seconds. */
  readonly perSecond: number;
}

/** Counts by whole seconds, of which it keeps ten. */
export function copyRate(now: () => number = () => performance.now()): CopyRate {
  const bySecond = new Map<number, number>();
  const forget = (second: number): void => {
    for (const known of bySecond.keys()) if (known <= second - windowSeconds) bySecond.delete(known);
  };
  return {
    add(bytes) {
      const second = Math.floor(now() / 1000);
      forget(second);
      bySecond.set(second, (bySecond.get(second) ?? 0) + bytes);
    },
    get perSecond() {
      forget(Math.floor(now() / 1000));
      let sum = 0;
      for (const bytes of bySecond.values()) sum += bytes;
      return sum / windowSeconds;
    },
  };
}
