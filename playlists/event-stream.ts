import { type SSEMessage, streamSSE } from 'hono/streaming';
import { SegueError } from '../src/ops/errors.ts';
import { caching } from './headers.ts';
import type { Ports } from './ports.ts';
import type { RequestContext } from './service.ts';

/** Streams of one kind that are open at once. */
const mostStreams = 20;
/** Whoever takes longer to read an event gives its place up, in milliseconds. */
const stallMs = 15_000;

/** What a stream of events is written with. */
export interface EventWriter {
  event(message: SSEMessage): Promise<void>;
  /** Keeps the connection busy where nothing is new. */
  idle(): Promise<void>;
  /** Aborts when the reader has gone, or takes too long. */
  readonly over: AbortSignal;
}

/** Answers a request with server-sent events: `run` writes them until it returns. @throws SegueError `too_many_holds` */
export type EventStreams = (c: RequestContext, run: (to: EventWriter) => Promise<void>) => Response;

/** Streams of events of one kind, with a bound on those that are open at once. */
export function eventStreams({ cut }: Pick<Ports, 'cut'>, longestMs = stallMs): EventStreams {
  let open = 0;
  return (c, run) => {
    c.header('cache-control', caching.never);
    // Hono runs the handler of GET, and neither reads nor cancels the body: the stream would never end.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' });
    if (open >= mostStreams) {
      throw new SegueError('too_many_holds', 'Too many event streams are open', {
        hint: `Close a dashboard or another reader of events, and ask again: ${mostStreams} are served at once.`,
      });
    }
    open += 1;
    c.header('x-accel-buffering', 'no');
    return streamSSE(c, async (stream) => {
      const over = new AbortController();
      stream.onAbort(() => over.abort());
      const inTime = async (writing: Promise<unknown>): Promise<void> => {
        const timer = setTimeout(() => {
          stream.abort();
          cut?.(c.env);
        }, longestMs);
        await writing.finally(() => clearTimeout(timer));
      };
      try {
        await run({
          event: (message) => inTime(stream.writeSSE(message)),
          idle: () => inTime(stream.write(': nothing new\n\n')),
          over: over.signal,
        });
      } finally {
        open -= 1;
      }
    });
  };
}
