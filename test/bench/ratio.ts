/** Median and spread of some figures. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly runs: number;
}

/** Sums up runs of one measurement. */
export function summaryOf(figures: readonly number[]): Summary {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return {
    median: (low + high) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    runs: sorted.length,
  };
}

/** `1.23 (1.10 to 1.50, 7 runs)` */
export function shown({ median, min, max, runs }: Summary, unit = ''): string {
  return `${median.toFixed(2)}${unit} (${min.toFixed(2)} to ${max.toFixed(2)}, ${runs} runs)`;
}

/** Prints a result of a benchmark, for the log of a run. */
export function report(line: string): void {
  process.stdout.write(`bench: ${line}\n`);
}
