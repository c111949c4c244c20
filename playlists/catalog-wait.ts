import { SegueError } from '../src/ops/errors.ts';
import { orAborted } from './flights.ts';
import { noted } from './hold.ts';
import type { RequestContext, Service } from './service.ts';

/** How long nothing is sent while the catalog is away, in milliseconds: players' time-outs begin at 8 s. */
const waitMs = 7500;
/** It is asked again this often, in milliseconds. */
const againMs = 250;

const isAway = (error: unknown): boolean =>
  error instanceof SegueError && error.code === 'catalog_unavailable';

/**
 * Answers a player's request. Where the catalog is away and nothing is remembered of what is asked for (this service has just been
 * started), the request is held silently until it is back: players do not forgive a quick 503. At most `waitMs`, and within
 * the bound of holds. @throws SegueError `catalog_unavailable` after that, and whatever the route throws
 */
export async function onceCatalogAnswers(
  c: RequestContext,
  service: Service,
  route: (c: RequestContext, service: Service) => Promise<Response>,
): Promise<Response> {
  const { ports, holds } = service;
  const until = ports.now() + waitMs;
  const answer = (at: Service): Promise<Response | SegueError> =>
    route(c, at).catch((error: unknown) => {
      if (isAway(error)) return error as SegueError;
      throw error;
    });
  let last = await answer(service);
  if (last instanceof Response) return last;
  const leave = holds.take();
  if (leave === undefined) throw last;
  const note = noted(c, ports);
  const place = placeOf(leave);
  const inPlace = { ...service, holds: place.holds };
  try {
    while (ports.now() < until) {
      const pause = new Promise<void>((resolve) => {
        setTimeout(resolve, againMs);
      });
      await orAborted(pause, c.req.raw.signal);
      last = await answer(inPlace);
      if (last instanceof Response) {
        note('answered');
        return last;
      }
    }
    throw last;
  } finally {
    place.end();
    note(c.req.raw.signal.aborted ? 'left' : 'failed');
  }
}

/** The place of a request among the holds, for what its answer waits for then: were all taken, a second one would be refused. */
function placeOf(leave: () => void): { readonly holds: Service['holds']; end(): void } {
  let isInUse = false;
  let isOver = false;
  const take = (): (() => void) => {
    isInUse = true;
    return () => {
      isInUse = false;
      if (isOver) leave();
    };
  };
  return {
    holds: { take, count: 1 },
    end() {
      isOver = true;
      if (!isInUse) leave();
    },
  };
}
