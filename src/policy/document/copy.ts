import { z } from 'zod';

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'expected a time of day as 01:30' });

function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const part = (what: string, byDefault: number) => z.number().min(0).max(1).default(byDefault).describe(what);

/** Everything that is given in one condition has to hold. */
const conditionSchema = z
  .strictObject({
    viewers: z.int().min(1).optional().describe('So many distinct viewers have watched'),
    minutesWatched: z
      .number()
      .min(0)
      .optional()
      .describe('So many minutes have been watched, by all together'),
    rendered: z.number().min(0).max(1).optional().describe('This part of the video is rendered'),
    exposureSeconds: z
      .number()
      .min(0)
      .optional()
      .describe('More seconds than this have their only copy on one node'),
    idle: z
      .strictObject({
        cpu: part('Used part of the CPUs, below which the node is idle', 0.5),
        disk: part('Part of the time in which the disk works, below which the node is idle', 0.5),
        network: z
          .number()
          .min(0)
          .default(10_000_000)
          .describe('Bytes a second in and out, below which the node is idle'),
      })
      .optional()
      .describe('The node has little to do: all of these hold'),
    hours: z
      .strictObject({
        from: time.describe('Time of day, as 01:30'),
        to: time.describe('Time of day; earlier than from: on the next day'),
        zone: z
          .string()
          .refine(isZone, { error: 'expected a time zone as Europe/Vienna' })
          .default('UTC')
          .describe('IANA time zone'),
      })
      .optional()
      .describe('It is between these times of day'),
  })
  .refine((condition) => Object.values(condition).some((value) => value !== undefined), {
    error: 'expected at least one of viewers, minutesWatched, rendered, exposureSeconds, idle, hours',
  });

/** One of the conditions of which a copy waits for any. */
export type Condition = z.output<typeof conditionSchema>;

/** What of a video is copied to the bucket, and when. */
export const copySchema = z
  .strictObject({
    what: z
      .enum(['auto', 'everything', 'nothing', 'part'])
      .default('auto')
      .describe(
        'auto: what is worth its price, as prices and demand say; part: what firstSeconds and renditions choose',
      ),
    firstSeconds: z.number().positive().optional().describe('Of part: only so much from the beginning'),
    renditions: z
      .array(z.string().min(1).max(64))
      .min(1)
      .max(32)
      .optional()
      .describe('Of part: only these, by name as 720p, or by kind: video, audio, images, iframes'),
    when: z
      .array(conditionSchema)
      .max(16)
      .default([])
      .describe('As soon as one of these conditions holds. Empty: at once'),
    onTrouble: z
      .enum(['everything', 'as-ever'])
      .default('everything')
      .describe('What is copied from a node in trouble: everything, at once; or as if nothing were wrong'),
  })
  .refine(
    ({ what, firstSeconds, renditions }) =>
      what === 'part' || (firstSeconds === undefined && renditions === undefined),
    { error: 'firstSeconds and renditions choose a part', path: ['what'] },
  )
  .refine(
    ({ what, firstSeconds, renditions }) =>
      what !== 'part' || firstSeconds !== undefined || renditions !== undefined,
    { error: 'a part needs firstSeconds, renditions or both', path: ['what'] },
  )
  .refine(({ what, when }) => what !== 'auto' || when.length === 0, {
    error: 'auto decides by itself when; choose everything or part for conditions of your own',
    path: ['when'],
  });

/** See {@link copySchema}. */
export type CopyRule = z.output<typeof copySchema>;
