import { canonicalText, videoIdOf } from '../src/description/canonical.ts';
import { frameCountOf } from '../src/description/frames.ts';
import { parseDescription } from '../src/description/parse.ts';
import { pinDescription, pinnedFileSchema } from '../src/description/pin.ts';
import type { Description } from '../src/description/schema.ts';
import { placeRender } from '../src/node/placement.ts';
import { SegueError } from '../src/ops/errors.ts';
import {
  type Profile,
  profileNamed,
  profileNames,
  rendererVersion,
  renditionsOf,
} from '../src/render/profile.ts';
import { renderIdOf } from '../src/render/render-id.ts';
import { isOnDemand } from '../src/rendition/on-demand.ts';
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
  /** Whether a node has begun, or is about to. */
  readonly started: boolean;
}

/**
 * Takes in a description: parses and pins it, writes video and render in one transaction, and has a node begin with the
 * first segment. Returns as soon as the node has said yes, or after it is known that none does: whoever plays the video
 * asks again.
 * `profileName`: how a new video is encoded; a known one keeps the profile that it was first made with. `labels`: what rules of the
 * policy may match; a known video has them beside those that it has.
 * @throws SegueError `invalid_request` for an unknown profile, `invalid_description`, `asset_refused`, `no_node` (needed for pinning only), `catalog_unavailable`
 */
export async function acceptVideo(
  service: Service,
  json: unknown,
  profileName: string | undefined,
  labels: readonly string[],
  signal: AbortSignal,
): Promise<AcceptedVideo> {
  const { ports } = service;
  const profile = profileOf(profileName ?? ports.settings.profile);
  const parsed = parseDescription(json);
  // Asked for at once: by the time the rows are written the answer is here.
  const live = ports.catalog.nodes().catch((error: unknown) => {
    ports.onTrouble?.('catalog query', error);
    return [];
  });
  const description = await pinned(service, parsed, () => live, signal);
  const canonical = canonicalText(description);
  const id = await videoIdOf(canonical, new TextEncoder().encode(ports.settings.secret));
  const renderId = await renderIdOf(id, rendererVersion, profile, 1);
  const frameRate = { num: description.fps, den: 1 };
  const frameCount = frameCountOf(description);
  const all = renditionsOf({ ...description.size, frameRate }, profile);
  const renditions = all.map(({ name, kind, container }, index) => {
    const isBest = all.findIndex((other) => other.kind === kind) === index;
    return { name, kind, container, onDemand: isOnDemand(ports.settings.onDemand, kind, isBest) };
  });
  const video = { id, description: canonical, frameRate, frameCount, labels };
  const render = { id: renderId, generation: 1, rendererVersion, profile: profile.name, renditions };
  let outcome: 'new' | 'known';
  try {
    outcome = await ports.catalog.insertVideo(video, render);
    if (outcome === 'known' && labels.length > 0) await ports.catalog.policies.addLabels(id, labels);
  } catch (error) {
    throw new SegueError('catalog_unavailable', 'The catalog does not answer', {
      cause: error,
      hint: 'Post it again: nothing was kept.',
    });
  }
  const isNew = outcome === 'new';
  if (isNew) {
    const row = { ...render, videoId: id, renderId, state: 'active' as const, failure: null, sealedAt: null };
    remember(ports, factsOf({ ...row, description: canonical, frameRate, frameCount }));
  }
  const started = isNew && (await begin(service, renderId, await live, signal));
  return { id, renderId, isNew, duration: frameCount / description.fps, started };
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

/** The description with every file and module named by content. A node is asked only where there is something to pin. */
async function pinned(
  { ports, nodes }: Service,
  description: Description,
  live: () => ReturnType<Ports['catalog']['nodes']>,
  signal: AbortSignal,
) {
  const chosen = async (): Promise<NodeAddress> => {
    const node = placeRender('assets', await live(), new Set());
    if (node !== undefined) return node;
    throw new SegueError('no_node', 'No node is there to fetch the files that the description names', {
      hint: 'Ask again in a moment.',
    });
  };
  return pinDescription(
    description,
    {
      asset: async (src, pinSignal) => {
        const facts = pinnedFileSchema.safeParse(await nodes.pinAsset(await chosen(), src, pinSignal));
        if (!facts.success) {
          ports.onTrouble?.('pinning an asset', facts.error);
          throw new SegueError('internal', 'A node answered facts of an asset that make no sense');
        }
        return facts.data;
      },
      module: async (name, pinSignal) => nodes.moduleHash(await chosen(), name, pinSignal),
    },
    signal,
  );
}
