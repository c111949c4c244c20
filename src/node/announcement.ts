import { hostname } from 'node:os';
import type { NodeAnnouncement } from '../catalog/nodes.ts';

/** What a node says of itself, but for what every process knows. */
export type AnnouncedFacts = Pick<NodeAnnouncement, 'id' | 'url'> & {
  /** False once it drains. */
  readonly isReady: boolean;
  readonly load: Omit<NodeAnnouncement['load'], 'residentBytes'>;
};

/** A node as it announces itself now. */
export const announcementOf = ({ id, url, isReady, load }: AnnouncedFacts): NodeAnnouncement => ({
  id,
  url,
  host: hostname(),
  pid: process.pid,
  state: isReady ? 'ready' : 'draining',
  load: { ...load, residentBytes: process.memoryUsage.rss() },
});
