import { z } from 'zod';
import { SegueError } from './errors.ts';

/** What clients may ask of a deployment. */
export interface AdmissionSettings {
  /** Most CPU seconds that one video may be estimated to take. */
  readonly videoCpuSeconds: number;
  /** Most CPU seconds that one segment may be estimated to take. */
  readonly segmentCpuSeconds: number;
  /** CPU seconds that one client may ask for in an hour. */
  readonly clientCpuSeconds: number;
  /** CPU seconds that all clients together may ask for in an hour. */
  readonly totalCpuSeconds: number;
  /** Longest that a description waits for its turn within these budgets, in seconds. */
  readonly queueSeconds: number;
  /** Whether a client needs a key although none was ever made for one. */
  readonly keysRequired: boolean;
  /** Requests a minute with which one client may change something. */
  readonly changesPerMinute: number;
  /** How long signed playback URLs hold, in seconds. Undefined: URLs are not signed, and none need be. */
  readonly signedSeconds: number | undefined;
  /** Shared with a CDN that gives objects of the bucket only with a signature. Undefined: it asks for none. */
  readonly cdnSecret: string | undefined;
  /** Proxies in front of the service that add to X-Forwarded-For. 0: the address of the connection is the client's. */
  readonly trustedProxies: number;
}

const number = (unit: string, min: number, max: number) =>
  z.coerce
    .number<string>({ error: `must be a number of ${unit}` })
    .min(min, `must be at least ${min} ${unit}`)
    .max(max, `must be at most ${max} ${unit}`);

const cpuSeconds = () => number('CPU seconds', 1, 1e12);

/** Variables of the playlist service that say what clients may do. */
export const admissionVariables = {
  // Ten hours of one core: a film in 1080p, or an hour of it with a dozen layers.
  SEGUE_BUDGET_VIDEO: cpuSeconds().default(36_000),
  // Half of the time that a node gives to a segment, on a machine that does nothing else.
  SEGUE_BUDGET_SEGMENT: cpuSeconds().default(150),
  SEGUE_BUDGET_CLIENT: cpuSeconds().default(144_000),
  SEGUE_BUDGET_TOTAL: cpuSeconds().default(1_440_000),
  SEGUE_QUEUE_SECONDS: number('seconds', 0, 60).default(10),
  SEGUE_KEYS_REQUIRED: z.stringbool({ error: 'must be true or false' }).default(false),
  SEGUE_CHANGES_PER_MINUTE: number('requests', 1, 1e6).default(600),
  SEGUE_PLAYBACK: z.enum(['open', 'signed'], { error: 'must be open or signed' }).default('open'),
  SEGUE_PLAYBACK_SECONDS: number('seconds', 60, 31_536_000).default(86_400),
  SEGUE_CDN_SECRET: z.string().min(32, 'must have at least 32 characters').optional(),
  SEGUE_TRUSTED_PROXIES: number('proxies', 0, 10).int('must be a whole number').default(0),
} as const;

/** The settings from variables that were parsed. @throws SegueError `configuration` for those that do not go together */
export function admissionSettings(v: z.output<z.ZodObject<typeof admissionVariables>>): AdmissionSettings {
  if (v.SEGUE_CDN_SECRET !== undefined && v.SEGUE_PLAYBACK === 'open') {
    throw new SegueError('configuration', 'SEGUE_CDN_SECRET: playback URLs are not signed', {
      hint: 'Set SEGUE_PLAYBACK=signed as well: what a playlist lists may only be signed where its own URL says until when.',
    });
  }
  return {
    videoCpuSeconds: v.SEGUE_BUDGET_VIDEO,
    segmentCpuSeconds: v.SEGUE_BUDGET_SEGMENT,
    clientCpuSeconds: v.SEGUE_BUDGET_CLIENT,
    totalCpuSeconds: v.SEGUE_BUDGET_TOTAL,
    queueSeconds: v.SEGUE_QUEUE_SECONDS,
    keysRequired: v.SEGUE_KEYS_REQUIRED,
    changesPerMinute: v.SEGUE_CHANGES_PER_MINUTE,
    signedSeconds: v.SEGUE_PLAYBACK === 'signed' ? v.SEGUE_PLAYBACK_SECONDS : undefined,
    cdnSecret: v.SEGUE_CDN_SECRET,
    trustedProxies: v.SEGUE_TRUSTED_PROXIES,
  };
}
