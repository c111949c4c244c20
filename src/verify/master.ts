import { checkAnswer, checkPlaylistCaching } from './answers.ts';
import type { Compared } from './compared.ts';
import type { Fetched } from './fetch.ts';
import { type Reach, sizes } from './load.ts';
import { substitute } from './playlist/define.ts';
import { checkMultivariant, type ListedRendition } from './playlist/multivariant.ts';
import { checkSteeringManifest, checkSteeringTag, type Steering } from './playlist/steering.ts';
import { checkText } from './playlist/text.ts';
import { checkVersion } from './playlist/version.ts';
import { type FetchedRendition, fetchRendition } from './rendition.ts';

/** Media playlists that are fetched at most. */
const maxRenditions = 64;

/** Checks a multivariant playlist and fetches everything that it names. */
export async function readMultivariant(first: Fetched, reach: Reach): Promise<Compared[]> {
  const { findings } = reach;
  const { url } = first.last;
  const place = { where: 'multivariant', url };
  checkAnswer('multivariant', first, place, findings);
  const read = checkText(first.body, place, findings);
  const { lines, variables } = substitute(read.lines, new Map(), place, findings);
  checkVersion(lines, place, findings);
  checkPlaylistCaching('multivariant', first, { complete: true, targetDuration: 0 }, place, findings);
  const { renditions, independent } = checkMultivariant(lines, url, place, findings);
  const steering = checkSteeringTag(lines, renditions, place, findings);
  if (steering !== undefined) await fetchSteering(steering, renditions, reach);
  const unique = [...new Map(renditions.map((one) => [one.url, one])).values()].slice(0, maxRenditions);
  const names = namesOf(unique);
  const fetched = new Map<string, FetchedRendition | undefined>();
  await Promise.all(
    unique.map(async ({ url: one, type }) => {
      const wanted = { name: names.get(one) ?? one, url: one, type, independent, variables };
      fetched.set(one, await fetchRendition(wanted, reach));
    }),
  );
  return renditions.flatMap((listed) => {
    const one = fetched.get(listed.url);
    return one === undefined ? [] : [{ listed, fetched: one }];
  });
}

/** Names by URL; where two are alike (a ladder for each pathway, NAMEs in two groups) a number is added. */
function namesOf(renditions: readonly ListedRendition[]): Map<string, string> {
  const taken = new Map<string, number>();
  return new Map(
    renditions.map(({ url, name }) => {
      const count = (taken.get(name) ?? 0) + 1;
      taken.set(name, count);
      return [url, count === 1 ? name : `${name} (${count})`];
    }),
  );
}

async function fetchSteering(
  steering: Steering,
  renditions: readonly ListedRendition[],
  reach: Reach,
): Promise<void> {
  const place = { where: 'steering manifest', url: steering.url };
  const got = await reach.get(steering.url, place, { maxBytes: sizes.steering });
  if (got === undefined || !checkAnswer('steering', got, place, reach.findings)) return;
  checkSteeringManifest(got.body, steering, renditions, reach.findings);
}
