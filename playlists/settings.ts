import { SegueError } from '../src/ops/errors.ts';
import type { PlaylistsConfig } from '../src/ops/settings.ts';
import { profileNamed } from '../src/render/profile.ts';
import { profileNames } from '../src/render/profile-names.ts';
import type { ServiceSettings } from './ports.ts';

/** Bytes of segments in memory at once on a process that may use 150 MB in all. */
const maxBytesInFlight = 16 * 1024 * 1024;

/** A query that takes longer, in milliseconds, counts as failed. */
export const queryMs = 5000;

/**
 * The service's settings from a configuration. `pollMs`: how often to look again while nothing is announced.
 * @throws SegueError `configuration` for a profile that is not known
 */
export function settingsOf(config: PlaylistsConfig, pollMs: number): ServiceSettings {
  if (profileNamed(config.profile) === undefined) {
    throw new SegueError('configuration', `SEGUE_PROFILE: there is no profile "${config.profile}"`, {
      hint: `Known profiles: ${profileNames.join(', ')}.`,
    });
  }
  return {
    bucketPublicUrl: config.bucketPublicUrl,
    secret: config.secret,
    adminToken: config.adminToken,
    holdMs: config.holdSeconds * 1000,
    holdSilentMs: config.holdSilentSeconds * 1000,
    maxHolds: config.maxHolds,
    steering: config.steering,
    profile: config.profile,
    onDemand: config.onDemand,
    admission: config.admission,
    pollMs,
    maxBytesInFlight,
  };
}
