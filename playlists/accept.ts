import type { z } from 'zod';
import { type Files, fileFactsSchema } from '../src/cost/files.ts';
import type { Job } from '../src/cost/work.ts';
import { canonicalText, videoIdOf } from '../src/description/canonical.ts';
import { frameCountOf } from '../src/description/frames.ts';
import { parseDescription } from '../src/description/parse.ts';
import { pinDescription, pinnedFileSchema } from '../src/description/pin.ts';
import type { Description, PinnedDescription } from '../src/description/schema.ts';
import { gridOf } from '../src/grid/grid.ts';
import { placeRender } from '../src/node/placement.ts';
import { SegueError } from '../src/ops/errors.ts';
import {
  isPlayed,
  type Profile,
  profileNamed,
  rendererVersion,
  renditionsOf,
} from '../src/render/profile.ts';
import { profileNames } from '../src/render/profile-names.ts';
import { renderIdOf } from '../src/render/render-id.ts';
import { isOnDemand } from '../src/rendition/on-demand.ts';
import { type Admitted, admit } from './admission.ts';
import { remember } from './facts.ts';
import type { NodeAddress, Ports } from './ports.ts';
import { factsOf } from './render-facts.ts';
import type { Service } from './service.ts';
import { suspect } from './suspect.ts';

/** A description that was taken in. */
export interface AcceptedVideo {
  readonly id: string;
  readonly renderId: string;
  readonly isNew: boolean;
  /** Seconds. */
  readonly duration: number;
  /** CPU seconds that it is estimated to take; undefined where it was known. */
  readonly costSeconds: number | undefined;
  /** Whether a node has begun, or is about to. */
  readonly started: boolean;
}

/**
 * Takes in a description: parses and pins it, writes video and render in one transaction, and has a node begin with the
 * first segment. Returns as soon as the node has said yes, or after it is known that none does: whoever plays the video
 * asks again.
 * `profileName`: how a new video is encoded; a known one keeps the profile that it was first made with. `labels`: what rules of the
 * policy may match; a known video has them beside those that it has. `client`: the account that a new one is charged to; a known one
 * costs nothing.
 * @throws SegueError `invalid_request` for an unknown profile, `invalid_description`, `asset_refused`, `over_budget`,
 * `too_many_requests`, `no_node` (needed for pinning only), `catalog_unavailable`
 */
export async function acceptVideo(
  service: Service,
  json: unknown,
  {
    profileName,
    labels,
    client,
  }: {
    readonly profileName: string | undefined;
    readonly labels: readonly string[];
    readonly client: string;
  },
  signal: AbortSignal,
): Promise<AcceptedVideo> {
  const { ports } = service;
  const since = ports.now();
  const profile = profileOf(profileName ?? ports.settings.profile);
  const parsed = parseDescription(json);
  const frameRate = { num: parsed.fps, den: 1 };
  const frameCount = frameCountOf(parsed);
  const all = renditionsOf({ ...parsed.size, frameRate }, profile);
  // Stills are made of single frames, where somebody asks for them.
  const job = { grid: gridOf(frameRate, frameCount), renditions: all.filter(isPlayed) };
  await service.estimator.checkLeast({ ...job, description: parsed });
  // Asked for at once: by the time the rows are written the answer is here.
  const live = ports.catalog.nodes().catch((error: unknown) => {
    ports.onTrouble?.('catalog query', error);
    return [];
  });
  const { description, files } = await pinned(service, parsed, () => live, signal);
  const canonical = canonicalText(description);
  const id = await videoIdOf(canonical, new TextEncoder().encode(ports.settings.secret));
  const renderId = await renderIdOf(id, rendererVersion, profile, 1);
  const renditions = all.map(({ name, kind, container }, index) => {
    const isBest = all.findIndex((other) => other.kind === kind) === index;
    return { name, kind, container, onDemand: isOnDemand(ports.settings.onDemand, kind, isBest) };
  });
  const video = { id, description: canonical, frameRate, frameCount, labels };
  const charged = await charge(service, id, { ...job, description, files }, client, signal);
  const costs = charged === undefined ? {} : { costSeconds: charged.seconds };
  const render = {
    id: renderId,
    generation: 1,
    rendererVersion,
    profile: profile.name,
    renditions,
    ...costs,
  };
  let isNew = false;
  try {
    isNew = (await unlessAway(ports.catalog.insertVideo(video, render))) === 'new';
  } finally {
    // Neither what somebody else has posted meanwhile costs anything, nor what was not kept.
    if (!isNew) await charged?.giveBack();
  }
  if (!isNew && labels.length > 0) await unlessAway(ports.catalog.policies.addLabels(id, labels));
  if (isNew) {
    ports.onAccepted?.(renderId, since);
    const row = { ...render, videoId: id, renderId, state: 'active' as const, failure: null, sealedAt: null };
    remember(ports, factsOf({ ...row, description: canonical, frameRate, frameCount }));
  }
  const started = isNew && (await begin(service, renderId, await live, signal));
  const duration = frameCount / description.fps;
  return { id, renderId, isNew, duration, costSeconds: charged?.seconds, started };
}

/** Nothing was written where the catalog is away. */
async function unlessAway<T>(query: Promise<T>): Promise<T> {
  try {
    return await query;
  } catch (error) {
    throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
      cause: error,
      hint: 'Post it again: nothing was kept.',
    });
  }
}

/** Estimates what a video takes, and charges it to the client. A video that is known costs nothing. */
async function charge(
  service: Service,
  id: string,
  job: Job,
  client: string,
  signal: AbortSignal,
): Promise<(Admitted & { readonly seconds: number }) | undefined> {
  if ((await unlessAway(service.ports.catalog.currentHead(id))) !== undefined) return undefined;
  const seconds = await service.estimator.estimate(job);
  return { ...(await admit(service, client, seconds, signal)), seconds };
}

function profileOf(name: string): Profile {
  const profile = profileNamed(name);
  if (profile !== undefined) return profile;
  throw new SegueError('invalid_request', `There is no profile ${JSON.stringify(name.slice(0, 64))}`, {
    hint: `Known profiles: ${profileNames.join(', ')}.`,
  });
}

/** Has a node begin. A node that is gone or refuses is passed over; each is asked once. */
async function begin(
  { ports, nodes }: Service,
  renderId: string,
  live: Awaited<ReturnType<Ports['catalog']['nodes']>>,
  signal: AbortSignal,
): Promise<boolean> {
  const excluded = new Set<string>();
  for (;;) {
    const node = placeRender(renderId, live, excluded);
    if (node === undefined) return false;
    const wanted = await nodes.want(node, { renderId, n: 0 }, signal);
    if (wanted.kind === 'accepted' || wanted.kind === 'held') return true;
    ports.onTrouble?.(`asking node ${node.id}`, wanted.kind === 'gone' ? wanted.cause : wanted.error);
    if (wanted.kind === 'gone') await suspect(ports, node);
    excluded.add(node.id);
  }
}

/** The description with every file and module named by content, and what is known of the files. A node is asked only where there is something to pin. */
async function pinned(
  { ports, nodes }: Service,
  description: Description,
  live: () => ReturnType<Ports['catalog']['nodes']>,
  signal: AbortSignal,
): Promise<{ description: PinnedDescription; files: Files }> {
  const files = new Map<string, z.output<typeof fileFactsSchema>>();
  const chosen = async (): Promise<NodeAddress> => {
    const node = placeRender('assets', await live(), new Set());
    if (node !== undefined) return node;
    throw new SegueError('no_node', 'No node is there to fetch the files that the description names', {
      hint: 'Ask again in a moment.',
    });
  };
  const pinnedDescription = await pinDescription(
    description,
    {
      asset: async (src, pinSignal) => {
        const facts = pinnedFileSchema
          .and(fileFactsSchema)
          .safeParse(await nodes.pinAsset(await chosen(), src, pinSignal));
        if (!facts.success) {
          ports.onTrouble?.('pinning an asset', facts.error);
          throw new SegueError('internal', 'A node answered facts of an asset that make no sense');
        }
        files.set(facts.data.sha256, facts.data);
        return facts.data;
      },
      module: async (name, pinSignal) => nodes.moduleHash(await chosen(), name, pinSignal),
    },
    signal,
  );
  return { description: pinnedDescription, files };
}
