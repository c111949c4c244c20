import { z } from 'zod';
import { ask } from '../http.ts';
import { askAsAdmin, type ServiceAccess } from '../service-access.ts';
import { eventLevels, videoStates } from './states.ts';

/** What a node says of itself; fields may come and go with versions of nodes. */
const loadSchema = z.looseObject({
  renders: z.number().default(0),
  encoders: z.number().default(0),
  copyQueue: z.number().default(0),
  copyHeld: z.number().default(0),
  diskBytes: z.number().default(0),
  residentBytes: z.number().default(0),
  slots: z.number().optional(),
  diskUsed: z.number().optional(),
  tight: z.number().optional(),
  failures: z.number().optional(),
  cpu: z.number().optional(),
  copyRate: z.number().optional(),
});
const nodeSchema = z.looseObject({
  id: z.string(),
  url: z.string(),
  host: z.string(),
  pid: z.number(),
  state: z.enum(['ready', 'draining', 'dead']),
  load: loadSchema,
  heartbeatAt: z.string(),
});

const videoSchema = z.looseObject({
  id: z.string(),
  renderId: z.string(),
  type: z.enum(['video', 'stream']),
  name: z.string().nullable(),
  state: z.enum(videoStates),
  createdAt: z.string(),
  duration: z.number().nullable(),
  segments: z.number(),
  exposureSeconds: z.number(),
  strip: z.array(z.tuple([z.number(), z.enum(['absent', 'node', 'nodes', 'bucket'])])),
  holder: z.string().nullable(),
  nodes: z.array(z.string()),
});
const eventSchema = z.looseObject({
  id: z.number(),
  at: z.string(),
  level: z.enum(eventLevels),
  kind: z.string(),
  nodeId: z.string().nullable(),
  videoId: z.string().nullable(),
  text: z.string(),
});
const pageSchema = z.object({ videos: z.array(videoSchema), next: z.string().nullable() });
const pointSchema = z.looseObject({
  at: z.number(),
  bucketAnswers: z.number(),
  nodeAnswers: z.number(),
  heldAnswers: z.number(),
  copyQueue: z.number().nullable(),
  copyRate: z.number().nullable(),
  exposureSeconds: z.number().nullable(),
});
const readySchema = z.object({ status: z.string(), catalog: z.string(), holds: z.number() });

/** A node, as `GET /v1/nodes` tells it. */
export type Node = z.output<typeof nodeSchema>;
/** A video or stream, as `GET /v1/videos` tells it. */
export type Video = z.output<typeof videoSchema>;
/** Something that happened, as `GET /v1/event-log` tells it. */
export type Event = z.output<typeof eventSchema>;
/** Figures of a quarter of a minute, as `GET /v1/history` tells them. */
export type Point = z.output<typeof pointSchema>;
/** What `GET /readyz` says, or why it says nothing. */
export type Readiness = { readonly ready: true } | { readonly ready: false; readonly why: string };

/** Lists of nodes, videos and events, as server-sent events have them too. */
export const lists = {
  nodes: z.array(nodeSchema),
  videos: z.array(videoSchema),
  log: z.array(eventSchema),
} as const;

/** Of the API's pages. */
const mostOfPage = 500;

/** Every node ever seen. @throws SegueError as the service says */
export const readNodes = async (access: ServiceAccess): Promise<Node[]> =>
  (await askAsAdmin(access, '/v1/nodes', z.object({ nodes: lists.nodes }))).nodes;

/** Videos and streams page by page, newest first, `most` at most. @throws SegueError as the service says */
export async function* videoPages(access: ServiceAccess, most: number): AsyncGenerator<Video[]> {
  let after: string | null = '';
  for (let left = most; left > 0 && after !== null; ) {
    const query = new URLSearchParams({ limit: String(Math.min(left, mostOfPage)) });
    if (after !== '') query.set('after', after);
    const page: z.output<typeof pageSchema> = await askAsAdmin(access, `/v1/videos?${query}`, pageSchema);
    yield page.videos;
    left -= page.videos.length;
    after = page.next;
  }
}

/** Videos whose ids begin so, `most` (up to 500) of the newest. @throws SegueError as the service says */
export async function videosNamed(access: ServiceAccess, prefix: string, most: number): Promise<Video[]> {
  const query = new URLSearchParams({ limit: String(most), ...(prefix === '' ? {} : { id: prefix }) });
  return (await askAsAdmin(access, `/v1/videos?${query}`, pageSchema)).videos;
}

/** Events, newest first, `most` (up to 500): those before `before`, if that is given. @throws SegueError as the service says */
export async function readEvents(access: ServiceAccess, most: number, before?: number): Promise<Event[]> {
  const query = new URLSearchParams({ limit: String(most) });
  if (before !== undefined) query.set('before', String(before));
  return (await askAsAdmin(access, `/v1/event-log?${query}`, z.object({ events: lists.log }))).events;
}

/** Figures of the last hour, oldest first. @throws SegueError as the service says */
export const readHistory = async (access: ServiceAccess): Promise<Point[]> =>
  (await askAsAdmin(access, '/v1/history?hours=1', z.object({ points: z.array(pointSchema) }))).points;

const troubleSchema = z.looseObject({
  trouble: z
    .looseObject({ diskUsed: z.number().default(0.9), failures: z.number().default(0.3) })
    .prefault({}),
});

/** From when on the policy calls a node in trouble. @throws SegueError as the service says */
export const readTrouble = async (
  access: ServiceAccess,
): Promise<z.output<typeof troubleSchema>['trouble']> =>
  (await askAsAdmin(access, '/v1/policy', troubleSchema)).trouble;

/** The time that readiness may take, in milliseconds. */
const readyMs = 10_000;

/** Whether the service is ready. Throws nothing: that nobody answers is an answer. */
export async function readReadiness(server: string): Promise<Readiness> {
  let answer: Response;
  try {
    answer = await ask(`${server}/readyz`, AbortSignal.timeout(readyMs), {});
  } catch {
    return { ready: false, why: `${server} does not answer` };
  }
  const body = readySchema.safeParse(await answer.json().catch(() => undefined));
  if (!body.success) return { ready: false, why: `${server} is no Segue playlist service` };
  return answer.ok ? { ready: true } : { ready: false, why: `the database is ${body.data.catalog}` };
}
