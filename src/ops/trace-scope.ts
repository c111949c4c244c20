import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceHeaders } from './trace.ts';

/** The span that code runs in; log lines have its trace. Never set where no traces are sent. */
export interface TraceScope {
  readonly headers: TraceHeaders;
  readonly traceId: string;
}

/** Follows calls, promises and timers from where a span runs something. */
export const traceScope: AsyncLocalStorage<TraceScope> = new AsyncLocalStorage();
