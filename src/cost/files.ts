import { z } from 'zod';

const size = { width: z.number().positive(), height: z.number().positive() };

/** What an estimate needs to know of a file; the facts that a node answers are one. Other facts pass through unread. */
export const fileFactsSchema = z.looseObject({
  bytes: z.number().min(0).optional(),
  image: z.looseObject({ codec: z.string(), ...size }).optional(),
  video: z
    .looseObject({ ...size, frameRate: z.number().positive(), durationSeconds: z.number().min(0) })
    .optional(),
  audio: z.looseObject({ durationSeconds: z.number().min(0) }).optional(),
});

/** See {@link fileFactsSchema}. */
export type FileFacts = Pick<z.output<typeof fileFactsSchema>, 'bytes' | 'image' | 'video' | 'audio'>;

/** What is known of files, by content hash: 64 hex digits. */
export type Files = ReadonlyMap<string, FileFacts>;
