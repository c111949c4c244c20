import { childrenCpuSeconds } from '../children-cpu.ts';

/**
 * CPU seconds of the child processes that ended since the last call: that of one encoder, where it is asked for when that ends. Of two that
 * end at once the first who asks gets both, which evens out. Undefined where the system does not tell.
 */
export function childCpu(read: () => number = childrenCpuSeconds): () => number | undefined {
  let before = read();
  return () => {
    const now = read();
    const spent = now - before;
    before = now;
    return now === 0 ? undefined : spent;
  };
}
