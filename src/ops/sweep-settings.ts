import { z } from 'zod';
import { seconds } from './settings.ts';

/** How the bucket is compared with the rows. */
export interface SweepSettings {
  /** Hours between two sweeps of the whole deployment; 0: none but those that are asked for. */
  readonly hours: number;
  /** Seconds that an object has to be known as an orphan before it is removed. */
  readonly orphanGraceSeconds: number;
  /** Age in seconds of an upload in parts that is aborted. */
  readonly uploadGraceSeconds: number;
}

const year = 31_536_000;

/** Variables of a node that say how the bucket is compared with the rows. */
export const sweepVariables = {
  SEGUE_SWEEP_HOURS: z.coerce
    .number<string>({ error: 'must be a number of hours' })
    .min(0, 'must be at least 0 hours')
    .max(8784, 'must be at most 8784 hours')
    .default(24),
  SEGUE_ORPHAN_GRACE_SECONDS: seconds(0, 10 * year).default(604_800),
  SEGUE_UPLOAD_GRACE_SECONDS: seconds(3600, year).default(86_400),
};

/** The settings, parsed. */
export const sweepSettings = (v: z.output<z.ZodObject<typeof sweepVariables>>): SweepSettings => ({
  hours: v.SEGUE_SWEEP_HOURS,
  orphanGraceSeconds: v.SEGUE_ORPHAN_GRACE_SECONDS,
  uploadGraceSeconds: v.SEGUE_UPLOAD_GRACE_SECONDS,
});
