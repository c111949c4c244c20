import { readFileSync, statSync } from 'node:fs';
import { cpus } from 'node:os';

/** How busy a machine is. */
export interface MachineLoad {
  /** Used part of the CPUs, 0 to 1. */
  readonly cpu: number;
  /** Part of the time in which the disk works, 0 to 1; 0 where nobody tells. */
  readonly disk: number;
  /** Bytes a second through network interfaces, in and out, what the machine sends to itself aside; 0 where nobody tells. */
  readonly network: number;
}

/** Counters that only grow. Times in seconds. */
interface Counters {
  readonly at: number;
  readonly busy: number;
  readonly all: number;
  readonly disk: number;
  readonly network: number;
}

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};

/** Milliseconds that the disk of a folder has worked (Linux, Documentation/admin-guide/iostats.rst, field 10). */
function diskMs(folder: string): number {
  const { dev } = statSync(folder, { throwIfNoEntry: false }) ?? { dev: 0 };
  // glibc's makedev, for the numbers that there are.
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)];
  const line = new RegExp(`^ *${major} +${minor} .*$`, 'm').exec(textOf('/proc/diskstats'))?.[0];
  return Number(line?.trim().split(/\s+/)[12] ?? 0);
}

function networkBytes(): number {
  let bytes = 0;
  for (const [, name, figures = ''] of textOf('/proc/net/dev').matchAll(/^\s*([^:\s]+):\s*(.*)$/gm)) {
    if (name === 'lo') continue;
    const columns = figures.trim().split(/\s+/);
    bytes += Number(columns[0] ?? 0) + Number(columns[8] ?? 0);
  }
  return bytes;
}

function countersOf(folder: string): Counters {
  let [busy, all] = [0, 0];
  for (const { times } of cpus()) {
    const used = times.user + times.nice + times.sys + times.irq;
    busy += used;
    all += used + times.idle;
  }
  return { at: performance.now() / 1000, busy, all, disk: diskMs(folder) / 1000, network: networkBytes() };
}

/** A look is believed for so long, in seconds. */
const freshSeconds = 1;

/** Watches how busy this machine is, between one look and the next. `folder`: on the disk with the segments. */
export function machineLoad(
  folder: string,
  read: () => Counters = () => countersOf(folder),
): () => MachineLoad {
  let before = read();
  let load: MachineLoad = { cpu: 0, disk: 0, network: 0 };
  return () => {
    if (performance.now() / 1000 - before.at < freshSeconds) return load;
    const now = read();
    const seconds = now.at - before.at;
    load = {
      cpu: part((now.busy - before.busy) / Math.max(1, now.all - before.all)),
      disk: part((now.disk - before.disk) / seconds),
      network: Math.max(0, (now.network - before.network) / seconds),
    };
    before = now;
    return load;
  };
}

const part = (value: number): number => Math.min(1, Math.max(0, value));
