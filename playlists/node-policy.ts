import { z } from 'zod';
import type { NodeClient } from './node-client.ts';
import type { NodeAddress } from './ports.ts';

/** Why a video is copied or not, in words. */
export const explanationSchema = z.object({
  rule: z.string(),
  what: z.string(),
  because: z.array(z.string()).describe('The figures, one sentence each'),
  wouldChange: z.array(z.string()),
  node: z.string().describe('Whose decision it is'),
  version: z.int().describe('Of the policy'),
});
/** What has left disks. */
export const evictedSchema = z.object({ segments: z.int(), bytes: z.number() });
/** See {@link evictedSchema}. */
export type Evicted = z.output<typeof evictedSchema>;
const queuedSchema = z.object({ segments: z.int() });

type Call = readonly [
  client: Pick<NodeClient, 'call'>,
  node: NodeAddress,
  renderId: string,
  signal: AbortSignal,
];

const pathOf = (renderId: string, what: string): string => `/renders/${encodeURIComponent(renderId)}/${what}`;
const post = { method: 'POST', body: '{}' };

/** A node's decision about a render, in words. @throws SegueError as {@link NodeClient.call} */
export const explain = async (...[client, node, renderId, signal]: Call) =>
  explanationSchema.parse(await client.call(node, pathOf(renderId, 'explanation'), {}, signal));

/** Has a node copy all that it has of a render. Returns how many segments that are. @throws SegueError as {@link NodeClient.call} */
export const copyNow = async (...[client, node, renderId, signal]: Call): Promise<number> =>
  queuedSchema.parse(await client.call(node, pathOf(renderId, 'copy'), post, signal)).segments;

/** Takes a render off a node's disk, as far as it may go. @throws SegueError as {@link NodeClient.call} */
export const evictRender = async (...[client, node, renderId, signal]: Call): Promise<Evicted> =>
  evictedSchema.parse(await client.call(node, pathOf(renderId, 'evict'), post, signal));

/** Makes room on a node's disk. @throws SegueError as {@link NodeClient.call} */
export const evictBytes = async (
  client: Pick<NodeClient, 'call'>,
  node: NodeAddress,
  bytes: number | undefined,
  signal: AbortSignal,
): Promise<Evicted> =>
  evictedSchema.parse(
    await client.call(node, '/evict', { method: 'POST', body: JSON.stringify({ bytes }) }, signal),
  );
