import { setTimeout as delay } from 'node:timers/promises';

/** A player would have given up here. */
export class GivenUp extends Error {}

/** What a request may be met with. */
export interface PatienceOptions {
  readonly signal: AbortSignal;
  /** Called for each failure that is got over. */
  readonly onRetry: (why: string) => void;
}

/** hls.js' own defaults for fragments (`fragLoadPolicy`, 1.6). Times in milliseconds. */
const policy = {
  firstByteMs: 10_000,
  wholeMs: 120_000,
  errors: { most: 6, firstMs: 1000, longestMs: 8000 },
  timeouts: 4,
} as const;

/**
 * Fetches a file as hls.js does: a failed connection, a cut answer or a 5xx is tried again after 1, 2, 4, 8, 8 and 8 s, silence four
 * times at once; any 4xx ends the session. Redirects are followed. @throws GivenUp; what the signal says where it aborts
 */
export async function fetchPatiently(url: string, { signal, onRetry }: PatienceOptions): Promise<Uint8Array> {
  let errors = 0;
  let timeouts = 0;
  for (;;) {
    const late = new AbortController();
    const outcome = await once(url, AbortSignal.any([signal, late.signal]), late);
    signal.throwIfAborted();
    if (outcome.kind === 'bytes') return outcome.bytes;
    const { why } = outcome;
    if (outcome.kind === 'final') throw new GivenUp(`${why} for ${url}`);
    if (late.signal.aborted) {
      timeouts += 1;
      if (timeouts > policy.timeouts) throw new GivenUp(`no answer, ${timeouts} times, for ${url}`);
      onRetry(`no answer in time for ${url}`);
      continue;
    }
    errors += 1;
    if (errors > policy.errors.most) throw new GivenUp(`${why}, after ${errors} tries, for ${url}`);
    onRetry(`${why} for ${url}`);
    const wait = Math.min(policy.errors.longestMs, policy.errors.firstMs * 2 ** (errors - 1));
    await delay(wait, undefined, { signal });
  }
}

type Outcome =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'passing' | 'final'; readonly why: string };

async function once(url: string, signal: AbortSignal, late: AbortController): Promise<Outcome> {
  let timer = setTimeout(() => late.abort(), policy.firstByteMs);
  try {
    const answer = await fetch(url, { signal });
    clearTimeout(timer);
    timer = setTimeout(() => late.abort(), policy.wholeMs);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    if (answer.ok) return { kind: 'bytes', bytes };
    return { kind: answer.status < 500 ? 'final' : 'passing', why: `status ${answer.status}` };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { kind: 'passing', why: cause instanceof Error ? cause.message : String(cause) };
  } finally {
    clearTimeout(timer);
  }
}
