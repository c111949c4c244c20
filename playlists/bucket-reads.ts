import { LRUCache } from 'lru-cache';
import type { Ports } from './ports.ts';

/**
 * What the bucket's public address says of an object: it is there, it is not (or is not to be had), or nobody answers. What it
 * says may be a cache's mistake: only a node, which has the bucket's credentials, can tell that an object is lost.
 */
export type BucketAnswer = 'there' | 'missing' | 'away';

/** What is known of the bucket's public address. */
export interface BucketReads {
  /**
   * Asks for an object by its URL, with a HEAD: once in ten minutes for each that is there, and for any at most once a second
   * whether there is an answer at all. A client must never be sent to an address that refuses, or to an object that is gone:
   * players give up after one to seven tries.
   */
  answer(url: string): Promise<BucketAnswer>;
  /** Somebody who knows says that the object is there, whatever the public address answers. */
  found(url: string): void;
}

/** A look is believed for so long, in milliseconds. */
const freshMs = 1000;
/** An object that was there is not looked up again for so long, in milliseconds. */
const thereMs = 600_000;
/** Objects remembered: some megabytes. */
const mostObjects = 20_000;
/** An address that takes longer, in milliseconds, does not answer. */
const probeMs = 1500;

/** A watch over the bucket's public address. On Workers, which may not share work between requests, it is taken on trust. */
export function bucketReads({ fetch, now, runtime, onTrouble }: Ports): BucketReads {
  if (runtime === 'isolate')
    return { answer: () => Promise.resolve<BucketAnswer>('there'), found: () => undefined };
  const there = new LRUCache<string, true>({ max: mostObjects, ttl: thereMs });
  const looking = new Map<string, Promise<BucketAnswer>>();
  let wasLate = false;
  let last: { readonly at: number; readonly answers: boolean } | undefined;

  const look = async (url: string): Promise<BucketAnswer> => {
    let late = false;
    const answer = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(probeMs) }).then(
      ({ status }): BucketAnswer => {
        if (status >= 500) return 'away';
        // 403 is what S3 says of an object that is not there, to those who may not list.
        return status === 404 || status === 403 || status === 410 ? 'missing' : 'there';
      },
      (error: unknown): BucketAnswer => {
        onTrouble?.('reading the bucket', error);
        late = error instanceof DOMException && error.name === 'TimeoutError';
        return 'away';
      },
    );
    // A CDN that has an object made again takes its time for this one; twice in a row it is not about one object.
    const isAlone = late && !wasLate;
    wasLate = late;
    last = { at: now(), answers: answer !== 'away' || isAlone };
    if (answer === 'there') there.set(url, true);
    return answer;
  };
  return {
    answer(url) {
      const isFresh = last !== undefined && now() - last.at < freshMs;
      if (isFresh && last?.answers === false) return Promise.resolve<BucketAnswer>('away');
      if (isFresh && there.has(url)) return Promise.resolve<BucketAnswer>('there');
      const begun = looking.get(url) ?? look(url).finally(() => looking.delete(url));
      looking.set(url, begun);
      return begun;
    },
    found: (url) => void there.set(url, true),
  };
}
