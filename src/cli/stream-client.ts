import { z } from 'zod';
import { askAsAdmin, type ServiceAccess } from './service-access.ts';

const createdSchema = z.object({
  id: z.string(),
  url: z.string(),
  key: z.string(),
  ingest: z.array(z.string()),
});
const streamSchema = z.object({
  id: z.string(),
  url: z.string(),
  name: z.string(),
  state: z.enum(['waiting', 'live', 'ended', 'failed']),
  failure: z.string().nullable(),
  window: z.number().nullable(),
  createdAt: z.string(),
});

/** A stream that was just made. `ingest`: URLs to PUT below, the best node first. */
export type CreatedStream = z.output<typeof createdSchema>;
/** A stream as it is listed. */
export type ListedStream = z.output<typeof streamSchema>;

/** Makes a stream. @throws SegueError as the service says */
export const createStream = (
  access: ServiceAccess,
  stream: { readonly name?: string; readonly window?: number; readonly targetDuration?: number },
): Promise<CreatedStream> =>
  askAsAdmin(access, '/v1/streams', createdSchema, { method: 'POST', body: JSON.stringify(stream) });

/** The newest streams. @throws SegueError as the service says */
export const listStreams = async (access: ServiceAccess): Promise<ListedStream[]> =>
  (await askAsAdmin(access, '/v1/streams', z.object({ streams: z.array(streamSchema) }))).streams;

/** Ends a stream. @throws SegueError `not_found` */
export const endStream = (access: ServiceAccess, id: string): Promise<ListedStream> =>
  askAsAdmin(access, `/v1/streams/${encodeURIComponent(id)}`, streamSchema, { method: 'DELETE' });
