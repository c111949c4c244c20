import { SegueError } from '../src/ops/errors.ts';
import { cutFor, type HeldBytes, heldBody, settledWithin } from './body.ts';
import { caching, openToAll } from './headers.ts';
import type { HoldEvent } from './ports.ts';
import type { RequestContext, Service } from './service.ts';

/** Work that is not done after this long, in milliseconds, counts as a hold. */
const quickMs = 50;

/** How to answer a request whose bytes may have to be waited for. */
export interface Held<T> {
  /** Begins the work; it is aborted when the client goes away or the hold has lasted too long. */
  readonly begin: (signal: AbortSignal) => Promise<T>;
  /** The answer when the work is done before a byte was sent. */
  readonly answer: (result: T) => Response;
  /** The bytes of the result, for an answer that has begun already. */
  readonly bytes: (result: T, signal: AbortSignal) => Promise<HeldBytes>;
  /** Gives back what a result holds when nobody is left to take it. */
  readonly discard: (result: T) => void;
  readonly contentType: string;
  /** Sent each second while the bytes are waited for. Undefined where they admit none: then the hold is silent. */
  readonly padding: Uint8Array<ArrayBuffer> | undefined;
  /** Longest hold in milliseconds, where it is to be shorter than the deployment's. */
  readonly longestMs?: number;
}

/**
 * Answers when the work is done, and holds the request until then: silently at first, when any answer is still possible,
 * then with a 200 whose body begins with padding. Ends with the bytes or with a cut connection, never with a clean short
 * body. Without padding it ends with the answer or an error. @throws SegueError `too_many_holds`, `no_node` where a silent
 * hold has lasted too long, or what the work throws while the answer has not begun
 */
export async function held<T>(
  c: RequestContext,
  service: Service,
  { begin, ...how }: Held<T>,
): Promise<Response> {
  const { settings } = service.ports;
  const over = new AbortController();
  const holdMs = Math.min(settings.holdMs, how.longestMs ?? settings.holdMs);
  const limit = setTimeout(
    () => over.abort(new SegueError('no_node', 'Nobody made the segment in time', { hint: 'Ask again.' })),
    holdMs,
  );
  const signal = AbortSignal.any([c.req.raw.signal, over.signal]);
  const end = (): void => clearTimeout(limit);
  const work = begin(signal);
  try {
    const quick = await settledWithin(boxed(work), quickMs);
    if (quick !== undefined) {
      end();
      return how.answer(quick.value);
    }
  } catch (error) {
    end();
    throw error;
  }
  const leave = service.holds.take();
  if (leave === undefined) {
    end();
    abandon(work, over, how.discard);
    throw new SegueError('too_many_holds', 'Too many requests wait already', {
      hint: 'Ask again in a second.',
    });
  }
  const note = noted(c, service.ports);
  const finish = (outcome: HoldEvent['outcome']): void => {
    end();
    leave();
    note(outcome);
  };
  try {
    // A silent hold ends with the error of the work, which is aborted when the time is over.
    const silentMs = how.padding === undefined ? 2 * holdMs : Math.min(settings.holdSilentMs, holdMs / 2);
    const result = await settledWithin(boxed(work), silentMs);
    if (result !== undefined) {
      finish('answered');
      return how.answer(result.value);
    }
  } catch (error) {
    finish(c.req.raw.signal.aborted ? 'left' : 'failed');
    throw error;
  }
  const { padding } = how;
  if (padding === undefined) {
    finish('failed');
    abandon(work, over, how.discard);
    throw new SegueError('no_node', 'Nobody made it in time', { hint: 'Ask again.' });
  }
  c.set('source', 'held');
  const headers = {
    ...openToAll,
    'content-type': how.contentType,
    'cache-control': caching.never,
    'x-segue-source': 'held',
  };
  if (c.req.method === 'HEAD') {
    finish('left');
    abandon(work, over, how.discard);
    return new Response(null, { headers });
  }
  const bytes = work.then((result) => how.bytes(result, signal));
  // What the client then takes to read them is no hold: its place is another's.
  bytes.then(
    () => finish('answered'),
    () => finish('failed'),
  );
  const gone = (): void => {
    finish('left');
    over.abort(new DOMException('The client has gone', 'AbortError'));
  };
  return new Response(heldBody(bytes, padding, cutFor(service.ports, c.env), gone), { headers });
}

/** Begins to measure a hold. The function tells of it, once, by a span and the event. */
export function noted(
  c: RequestContext,
  { now, onHold, tracing }: Service['ports'],
): (outcome: HoldEvent['outcome']) => void {
  const since = now();
  const span = tracing?.begin('hold');
  let isTold = false;
  return (outcome) => {
    if (isTold) return;
    isTold = true;
    onHold?.({ seconds: Math.max(0, now() - since) / 1000, outcome });
    span?.end({
      attributes: { 'segue.request_id': c.get('requestId'), 'segue.outcome': outcome },
      ...(outcome === 'failed' ? { error: 'nobody made it' } : {}),
    });
  };
}

/** Wraps a value, so that a result can be told from none. */
const boxed = async <T>(work: Promise<T>): Promise<{ value: T }> => ({ value: await work });

function abandon<T>(work: Promise<T>, over: AbortController, discard: (result: T) => void): void {
  over.abort(new DOMException('The request is not held', 'AbortError'));
  work.then(discard, () => undefined);
}
