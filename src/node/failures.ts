import type { Rendition } from '../render/rendition.ts';
import type { HeldRender } from './held-render.ts';

/** Wait after a failure, in milliseconds, times the number of failures. */
const restMs = 500;

/**
 * What was made by the process that failed: something that every viewer gets (`eager`), only what some want (`onDemand`), or
 * both, which says nothing of either: they are tried apart from then on.
 */
type FailureKind = 'eager' | 'onDemand' | 'both';

/** Notes that segment `n` of these renditions failed, and lets it rest. `now`: monotonic milliseconds. */
export function noteFailure(
  held: HeldRender,
  n: number,
  renditions: readonly Rendition[],
  now: number,
): { readonly kind: FailureKind; readonly count: number } {
  const kind = kindOf(held, renditions);
  if (kind === 'both') {
    held.failures.apart.add(n);
    held.resting.set(n, now + restMs);
    return { kind, count: 1 };
  }
  const count = (held.failures[kind].get(n) ?? 0) + 1;
  held.failures[kind].set(n, count);
  held.resting.set(n, now + restMs * count);
  return { kind, count };
}

/** Notes that segment `n` of these renditions was made. */
export function forgetFailures(held: HeldRender, n: number, renditions: readonly Rendition[]): void {
  held.resting.delete(n);
  const kind = kindOf(held, renditions);
  if (kind !== 'onDemand') held.failures.eager.delete(n);
  if (kind !== 'eager') held.failures.onDemand.delete(n);
}

function kindOf(held: HeldRender, renditions: readonly Rendition[]): FailureKind {
  const eager = renditions.filter(({ name }) => held.eager.has(name)).length;
  if (eager === renditions.length) return 'eager';
  return eager === 0 ? 'onDemand' : 'both';
}
