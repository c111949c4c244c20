import { digestOf } from './digest.ts';
import { type Reach, sizes } from './load.ts';
import type { FetchedSegment } from './segments.ts';

/** Segments of a rendition that are fetched again. */
const sampled = 3;

/** Fetches the first, the middle and the last segment again, and checks that they are the same bytes. */
export async function checkAgain(segments: readonly FetchedSegment[], reach: Reach): Promise<void> {
  const good = segments.filter(({ digest }) => digest !== undefined);
  const steps = Array.from({ length: sampled }, (_, index) =>
    Math.round((index * (good.length - 1)) / (sampled - 1)),
  );
  const chosen = [...new Set(steps)].flatMap((index) => good[index] ?? []);
  await Promise.all(chosen.map((segment) => reach.queue.add(() => again(segment, reach))));
}

async function again({ listed, place, digest }: FetchedSegment, reach: Reach): Promise<void> {
  const got = await reach.get(listed.url, place, { maxBytes: sizes.segment, range: listed.range });
  const status = got?.last.status;
  // A live window may have moved on meanwhile.
  if (got === undefined || status === 404 || status === 410) return;
  const isWhole = listed.range !== undefined && status === 200;
  const { offset = 0, length = 0 } = listed.range ?? {};
  const bytes = isWhole ? got.body.subarray(offset, offset + length) : got.body;
  const differs = digestOf(bytes) !== digest;
  reach.findings.expect('watch.bytes', place, differs && `${bytes.length} bytes came, not those of before`);
}
