import { Presets, SingleBar } from 'cli-progress';
import { printable } from '../ops/printable.ts';

/** A bar on standard error; on anything but a terminal it says nothing. */
export interface ProgressBar {
  /** `values` fill the `{names}` of the format. */
  update(done: number, total: number, values: Readonly<Record<string, string | number>>): void;
  end(): void;
}

/** Starts a progress bar with a format of cli-progress. `enabled` false gives one that shows nothing. */
export function startProgress(format: string, enabled: boolean): ProgressBar {
  if (!enabled || !process.stderr.isTTY) return { update: () => undefined, end: () => undefined };
  const bar = new SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true, gracefulExit: false },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update: (done, total, told) => {
      const values = Object.fromEntries(
        Object.entries(told).map(([name, value]) => [name, printable(String(value))]),
      );
      if (!started) bar.start(total, done, values);
      started = true;
      bar.setTotal(total);
      bar.update(done, values);
    },
    end: () => {
      if (started) bar.stop();
    },
  };
}
