import { z } from 'zod';
import { ask, read } from './http.ts';

const range = z.tuple([z.int().min(0), z.int().min(0)]);

const postedSchema = z.object({
  id: z.string(),
  url: z.string(),
  duration: z.number(),
  state: z.string(),
});

const statusSchema = z.object({
  id: z.string(),
  url: z.string(),
  duration: z.number(),
  state: z.string(),
  failure: z.string().nullable(),
  grid: z.object({ segments: z.int().min(1) }),
  renditions: z.array(
    z.object({
      name: z.string(),
      path: z.string(),
      segments: z.int().min(1),
      onDemand: z.boolean(),
      bucket: z.array(range),
      absent: z.array(range),
    }),
  ),
  exposureSeconds: z.number(),
});

/** Answer to `POST /v1/videos`. `isNew`: nobody had asked for this video before. */
export type Posted = z.output<typeof postedSchema> & { readonly isNew: boolean };

/** Answer to `GET /v1/videos/{id}`, as far as a progress bar needs it. Ranges are `[from, to)` in segments. */
export type VideoStatus = z.output<typeof statusSchema>;

/**
 * Posts a description, as the text that was written. `profile`: how it is encoded, if not as the service says; `label`: what kinds of
 * video it is; `key`: where the service wants one.
 * @throws SegueError as the service says; `invalid_description` carries every problem as `path: message`
 */
export async function postVideo(
  server: string,
  description: string,
  {
    profile,
    label = [],
    key,
  }: {
    readonly profile?: string | undefined;
    readonly label?: readonly string[] | undefined;
    readonly key?: string | undefined;
  },
  signal: AbortSignal,
): Promise<Posted> {
  const query = new URLSearchParams(label.map((one) => ['label', one]));
  if (profile !== undefined) query.set('profile', profile);
  const answer = await ask(`${server}/v1/videos${query.size === 0 ? '' : `?${query}`}`, signal, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: description,
  });
  const posted = await read(answer, postedSchema);
  return { ...posted, url: new URL(posted.url, `${server}/`).href, isNew: answer.status === 201 };
}

/** How far a video is. @throws SegueError as the service says, or `no_node` when nothing answers */
export async function videoStatus(server: string, id: string, signal: AbortSignal): Promise<VideoStatus> {
  return read(await ask(`${server}/v1/videos/${encodeURIComponent(id)}`, signal, {}), statusSchema);
}

/** Longest that a request for a segment waits for it, in milliseconds: having asked is what counts. */
const demandMs = 3000;

/**
 * Asks for the first segment that nobody has made, as a player would: a video that nobody plays is rendered ahead only so
 * far. What comes of it is seen in the next status.
 */
export async function demandNext(status: VideoStatus, signal: AbortSignal): Promise<void> {
  const rendition = status.renditions.find(({ absent, onDemand }) => !onDemand && absent.length > 0);
  const n = rendition?.absent[0]?.[0];
  if (rendition === undefined || n === undefined) return;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(demandMs)]);
  const url = new URL(`${rendition.path}/${n}.m4s`, status.url);
  await fetch(url, { method: 'HEAD', redirect: 'manual', signal: limited }).catch(() => undefined);
}
