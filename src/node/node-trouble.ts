import { SegueError } from '../ops/errors.ts';

/** What another node, or this one later, may well be able to do. */
const elsewhere = new Set([
  'bucket_unavailable',
  'catalog_unavailable',
  'no_node',
  'configuration',
  'unknown_asset',
]);

/** Causes are followed this deep. */
const deepest = 5;

/**
 * Whether a segment failed for a reason of this machine (a full disk, a missing ffmpeg or module, a bucket that is away), not
 * of the description: then the render is given to another node instead of being failed for everybody.
 */
export function isNodeTrouble(error: unknown): boolean {
  let cause = error;
  for (let depth = 0; depth < deepest && cause instanceof Error; depth += 1) {
    if ('syscall' in cause && typeof cause.syscall === 'string') return true;
    if (cause instanceof SegueError && elsewhere.has(cause.code)) return true;
    cause = cause.cause;
  }
  return false;
}
