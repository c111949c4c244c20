/**
 * Ids of foreign streams. Their form tells them from videos, whose ids are base 32: a request is known to be for a stream before
 * anything is looked up.
 */

/** An id of a stream as a path parameter of Hono. */
export const streamIdPattern = 'stream-[A-Za-z0-9_-]{22}';

const whole = new RegExp(`^${streamIdPattern}$`);

/** Whether an id is that of a stream. */
export const isStreamId = (id: string): boolean => whole.test(id);

/** 128 random bits, fit for a path. */
function random(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Ids of a new stream and of its render. Nobody can guess or enumerate them. */
export const newStreamIds = (): { videoId: string; renderId: string } => ({
  videoId: `stream-${random()}`,
  renderId: random(),
});
