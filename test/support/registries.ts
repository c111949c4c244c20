import { serviceMetrics, troubleLog } from '../../playlists/observe.ts';
import { nodeMetrics } from '../../src/node/node-metrics.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics, type MetricDescription } from '../../src/ops/metrics.ts';
import { requestObserver } from '../../src/ops/request-log.ts';

/** What each kind of process registers, as it does it at its start. */
export function registries(): Readonly<Record<'node' | 'playlists', readonly MetricDescription[]>> {
  const log = createLog('test', 'silent');
  const node = createMetrics({ process: false });
  const nothing = {
    encoders: 0,
    unrecorded: 0,
    diskBytes: 0,
    diskUsed: 0,
    copyQueue: 0,
    copies: { waiting: 0, held: 0, running: 0, resting: 0 },
    renders: 0,
    streams: 0,
    heartbeatAge: 0,
    costRatio: 1,
  };
  nodeMetrics(node, { slots: 1, ffmpeg: 'x' }, () => nothing);
  requestObserver(log, node);
  const playlists = createMetrics({ process: false });
  const service = serviceMetrics(log, playlists, { now: Date.now, nodes: () => Promise.resolve([]) });
  service.onLoad(() => ({ holds: 0, maxHolds: 1, bytesInFlight: 0, maxBytesInFlight: 1 }));
  troubleLog(log, playlists);
  return { node: node.described, playlists: playlists.described };
}
