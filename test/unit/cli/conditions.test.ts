import { expect, test } from 'vitest';
import { conditionKinds, conditionsOf, type Findings } from '../../../src/cli/overview/conditions.ts';
import { statusHelp } from '../../../src/cli/overview/help.ts';
import type { Event, Node, Point, Video } from '../../../src/cli/overview/service.ts';

const now = Date.parse('2026-01-02T12:00:00Z');
const ago = (seconds: number): string => new Date(now - seconds * 1000).toISOString();

const load = { renders: 0, encoders: 0, copyQueue: 0, copyHeld: 0, diskBytes: 0, residentBytes: 0 };
const node = (changed: Partial<Node> = {}): Node => ({
  id: 'node-1',
  url: 'http://127.0.0.1:1',
  host: 'here',
  pid: 1,
  state: 'ready',
  load,
  heartbeatAt: ago(1),
  ...changed,
});
const video = (changed: Partial<Video> = {}): Video => ({
  id: 'video-1',
  renderId: 'render-1',
  type: 'video',
  name: null,
  state: 'rendering',
  createdAt: ago(3600),
  duration: 60,
  segments: 4,
  exposureSeconds: 0,
  strip: [[4, 'absent']],
  holder: null,
  nodes: [],
  ...changed,
});
let lastId = 1000;
const event = (kind: string, changed: Partial<Event> = {}): Event => {
  lastId -= 1;
  return {
    id: lastId,
    at: ago(60),
    level: 'error',
    kind,
    nodeId: null,
    videoId: null,
    text: 'It is so',
    ...changed,
  };
};
const point = (seconds: number, changed: Partial<Point> = {}): Point => ({
  at: (now - seconds * 1000) / 1000,
  bucketAnswers: 0,
  nodeAnswers: 0,
  heldAnswers: 0,
  copyQueue: 0,
  copyRate: 0,
  exposureSeconds: 0,
  ...changed,
});
/** Points of so many seconds up to now, oldest first. */
const points = (seconds: number, changed: Partial<Point>): Point[] =>
  Array.from({ length: seconds / 15 }, (_, index) => point(seconds - index * 15 - 1, changed));

const kinds = (changed: Partial<Findings>): string[] =>
  conditionsOf({
    nodes: [node()],
    videos: [],
    events: [],
    history: [],
    trouble: { diskUsed: 0.9, failures: 0.3 },
    now,
    ...changed,
  }).map(({ kind }) => kind);

test('all is well', () => {
  const history = points(900, { copyQueue: 3, copyRate: 100, exposureSeconds: 20 });
  expect(kinds({ videos: [video(), video({ state: 'stored' })], history })).toEqual([]);
});

test('nodes: none ready, lost, drained, long gone, failing, full', () => {
  expect(kinds({ nodes: [] })).toEqual(['no-node']);
  const dead = node({ id: 'node-2', state: 'dead', heartbeatAt: ago(300) });
  expect(kinds({ nodes: [node({ state: 'draining' }), dead] })).toEqual(['no-node', 'node-lost']);
  const about = { nodeId: 'node-2' };
  const drained = [event('node-dead', about), event('takeover', about), event('node-draining', about)];
  expect(kinds({ nodes: [node(), dead], events: drained })).toEqual([]);
  const crashed = [event('node-dead', about), event('node-ready', about), event('node-draining', about)];
  expect(kinds({ nodes: [node(), dead], events: crashed })).toEqual(['node-lost']);
  expect(kinds({ nodes: [node(), node({ ...dead, heartbeatAt: ago(4000) })] })).toEqual([]);
  const troubled = node({ load: { ...load, failures: 0.5, diskUsed: 0.95 } });
  expect(kinds({ nodes: [troubled] })).toEqual(['node-failing', 'disk-full']);
  expect(kinds({ nodes: [troubled], trouble: { diskUsed: 0.96, failures: 0.6 } })).toEqual([]);
  expect(
    kinds({ nodes: [node({ load: { ...load, tight: 1 } }), node({ load: { ...load, tight: 0 } })] }),
  ).toEqual(['disk-full']);
});

test('videos: failed within a day, streams whose node is gone', () => {
  const failed = video({ state: 'failed', createdAt: ago(200_000) });
  expect(kinds({ videos: [failed] })).toEqual([]);
  expect(kinds({ videos: [failed], events: [event('failed', { videoId: 'video-1' })] })).toEqual([
    'video-failed',
  ]);
  expect(kinds({ videos: [video({ state: 'failed' })] })).toEqual(['video-failed']);
  expect(kinds({ videos: [video({ type: 'stream', name: 'Concert' })] })).toEqual(['stream-away']);
  const many = Array.from({ length: 25 }, (_, index) => video({ state: 'failed', id: `video-${index}` }));
  const told = conditionsOf({
    nodes: [node()],
    videos: many,
    events: [],
    history: [],
    trouble: { diskUsed: 1, failures: 1 },
    now,
  });
  expect(told).toHaveLength(11);
  expect(told.at(-1)).toMatchObject({ subject: null, message: '15 videos have failed as well' });
});

test('the bucket, copying and exposure, over a time', () => {
  expect(kinds({ events: [event('lost'), event('lost', { at: ago(4000) })] })).toEqual(['objects-lost']);
  const stuck = { copyQueue: 4, copyRate: 0 };
  expect(kinds({ history: points(300, stuck) })).toEqual(['copying-stuck']);
  const polite = node({ load: { ...load, copyHeld: 4 } });
  expect(kinds({ nodes: [polite], history: points(300, stuck) }), 'held by a CPU ceiling').toEqual([]);
  // Not for long enough, or it has gone on meanwhile.
  expect(kinds({ history: points(150, stuck) })).toEqual([]);
  expect(kinds({ history: [...points(300, stuck), point(0, { copyQueue: 3, copyRate: 9 })] })).toEqual([]);
  const behind = { copyQueue: 1, copyRate: 1, exposureSeconds: 2000 };
  expect(kinds({ history: points(600, behind) })).toEqual(['exposure']);
  expect(kinds({ history: points(600, { ...behind, copyQueue: 0 }) }), 'as the policy says').toEqual([]);
});

test('the help names every kind', () => {
  for (const kind of Object.keys(conditionKinds)) expect(statusHelp).toMatch(new RegExp(`\\b${kind}\\b`));
});
