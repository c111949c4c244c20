import type { Ports } from './ports.ts';

/** What is known of the bucket's public address. */
export interface BucketReads {
  /**
   * Whether it answers, looked up with a HEAD of `url` at most once a second. A client must never be sent to an address that
   * refuses: players give up after one to seven tries.
   */
  answer(url: string): Promise<boolean>;
}

/** A look is believed for so long, in milliseconds. */
const freshMs = 1000;
/** An address that takes longer, in milliseconds, does not answer. */
const probeMs = 1500;

/** A watch over the bucket's public address. On Workers, which may not share work between requests, it is taken on trust. */
export function bucketReads({ fetch, now, runtime, onTrouble }: Ports): BucketReads {
  if (runtime === 'isolate') return { answer: () => Promise.resolve(true) };
  let known: { readonly at: number; readonly answers: boolean } | undefined;
  let looking: Promise<boolean> | undefined;
  const look = async (url: string): Promise<boolean> => {
    const answers = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(probeMs) }).then(
      // An object that is missing or forbidden says nothing about the others.
      ({ status }) => status < 500,
      (error: unknown) => {
        onTrouble?.('reading the bucket', error);
        return false;
      },
    );
    known = { at: now(), answers };
    return answers;
  };
  return {
    answer(url) {
      if (known !== undefined && now() - known.at < freshMs) return Promise.resolve(known.answers);
      looking ??= look(url).finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}
