import type { PlaylistsConfig } from '../src/ops/settings.ts';
import type { ServiceSettings } from './ports.ts';

/** Bytes of segments in memory at once on a process that may use 150 MB in all. */
const maxBytesInFlight = 16 * 1024 * 1024;

/** A query that takes longer, in milliseconds, counts as failed. */
export const queryMs = 5000;

/** The service's settings from a configuration. `pollMs`: how often to look again while nothing is announced. */
export function settingsOf(config: PlaylistsConfig, pollMs: number): ServiceSettings {
  return {
    bucketPublicUrl: config.bucketPublicUrl,
    secret: config.secret,
    adminToken: config.adminToken,
    holdMs: config.holdSeconds * 1000,
    holdSilentMs: config.holdSilentSeconds * 1000,
    maxHolds: config.maxHolds,
    pollMs,
    maxBytesInFlight,
  };
}
