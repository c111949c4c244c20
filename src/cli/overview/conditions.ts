import { age, counted, percent, risk } from './figures.ts';
import { oneLine } from './page.ts';
import type { Event, Node, Point, Readiness, Video } from './service.ts';

/** What needs an operator, by kind; `segue status` ends with 1 where there is one. */
export const conditionKinds = {
  service: 'the playlist service does not answer, or is not ready',
  'no-node': 'no node is ready: nothing new is rendered',
  'node-lost': 'a node has gone within the last hour, and was not drained',
  'node-failing': 'a node cannot make much of what it tries (trouble.failures of the policy)',
  'disk-full': "a node's disk is nearly full (trouble.diskUsed of the policy)",
  'video-failed': 'a video has failed within the last day: no node can make it',
  'stream-away': 'segments of a stream are at a node that is gone, and nowhere else',
  'objects-lost': 'the bucket has lost segments within the last hour (they are copied again)',
  'copying-stuck': 'segments wait to be copied, and none was for five minutes',
  exposure: 'copies waited for ten minutes while half an hour of media was on one node only',
} as const;

/** Something that needs an operator. */
export interface Condition {
  readonly kind: keyof typeof conditionKinds;
  /** The node or video that it is about. */
  readonly subject: string | null;
  readonly message: string;
  /** What to do. */
  readonly hint: string;
}

/** What conditions are found in. */
export interface Findings {
  readonly nodes: readonly Node[];
  readonly videos: readonly Video[];
  /** Newest first. */
  readonly events: readonly Event[];
  /** Oldest first. */
  readonly history: readonly Point[];
  readonly trouble: { readonly diskUsed: number; readonly failures: number };
  /** Milliseconds since 1970. */
  readonly now: number;
}

const hourMs = 3_600_000;
const stuckSeconds = 300;
const exposed = { seconds: 1800, forSeconds: 600 };
/** Of a kind, so many are told one by one. */
const mostOfKind = 10;

/** That the service is not ready. */
export const notReady = (readiness: Readiness & { readonly ready: false }): Condition => ({
  kind: 'service',
  subject: null,
  message: readiness.why,
  hint: 'Look at the log of the playlist service; `segue doctor` checks database, bucket and port.',
});

/** Nodes that count: one that has been gone for more than an hour is history. */
export const recentNodes = (nodes: readonly Node[], now: number): Node[] =>
  nodes.filter(({ state, heartbeatAt }) => state !== 'dead' || now - Date.parse(heartbeatAt) < hourMs);

/** Everything that needs an operator, the worst first. */
export function conditionsOf(findings: Findings): Condition[] {
  return [
    ...nodeConditions(findings),
    ...bounded(failedVideos(findings), 'videos have failed as well'),
    ...bounded(streamsAway(findings), 'streams wait for nodes as well'),
    ...lostObjects(findings),
    ...historyConditions(findings),
  ];
}

function* nodeConditions({ nodes, events, trouble, now }: Findings): Generator<Condition> {
  if (!nodes.some(({ state }) => state === 'ready'))
    yield {
      kind: 'no-node',
      subject: null,
      message: 'No node is ready: nothing new is rendered',
      hint: 'Start one: `segue node`.',
    };
  for (const { id, state, load, heartbeatAt } of recentNodes(nodes, now)) {
    if (state === 'dead') {
      if (!wasDrained(id, events))
        yield {
          kind: 'node-lost',
          subject: id,
          message: `${id} is gone, and was not drained: last seen ${age(heartbeatAt, now)} ago`,
          hint: 'Start it again with its disk, or give its disk to another node: `segue node --adopt DIR`.',
        };
      continue;
    }
    if ((load.failures ?? 0) >= trouble.failures)
      yield {
        kind: 'node-failing',
        subject: id,
        message: `${id} could not make ${percent(load.failures)} of the segments that it tried`,
        hint: 'Its log says why (`segment failed`); `segue doctor` checks its ffmpeg.',
      };
    if ((load.diskUsed ?? 0) >= trouble.diskUsed)
      yield {
        kind: 'disk-full',
        subject: id,
        message: `${percent(load.diskUsed)} of the disk of ${id} is used`,
        hint: 'Free space; below twice SEGUE_DISK_RESERVE_BYTES it renders nothing ahead, below it nothing.',
      };
    else if (load.tight === 1)
      yield {
        kind: 'disk-full',
        subject: id,
        message: `${id} has hardly any room left of its disk budget, or of its disk`,
        hint: 'What the bucket has leaves by itself: see whether copying works, or raise disk.budgetBytes of the policy.',
      };
  }
}

/** A node that ends in good order drains first; both are noted. */
function wasDrained(id: string, events: readonly Event[]): boolean {
  const [last, before] = events.filter(({ nodeId, kind }) => nodeId === id && kind.startsWith('node-'));
  return last?.kind === 'node-dead' && before?.kind === 'node-draining';
}

function* failedVideos({ videos, events, now }: Findings): Generator<Condition> {
  const isRecent = (at: string): boolean => now - Date.parse(at) < 24 * hourMs;
  for (const { id, state, createdAt } of videos) {
    if (state !== 'failed') continue;
    const event = events.find(({ kind, videoId }) => kind === 'failed' && videoId === id);
    if (!isRecent(event?.at ?? createdAt)) continue;
    yield {
      kind: 'video-failed',
      subject: id,
      message: `${id} has failed${event === undefined ? '' : `: ${oneLine(event.text)}`}`,
      hint: `\`segue status ${id}\` has the reason, and the log of the nodes ffmpeg's words.`,
    };
  }
}

function* streamsAway({ videos }: Findings): Generator<Condition> {
  for (const { id, name, type, strip } of videos) {
    if (type !== 'stream' || !strip.some(([, source]) => source === 'absent')) continue;
    yield {
      kind: 'stream-away',
      subject: id,
      message: `Segments of ${oneLine(name ?? '') || id} are at a node that is gone, and nowhere else`,
      hint: 'Start the node again with its disk, or give the disk to another one: `segue node --adopt DIR`.',
    };
  }
}

function* lostObjects({ events, now }: Findings): Generator<Condition> {
  const lost = events.filter(({ kind, at }) => kind === 'lost' && now - Date.parse(at) < hourMs);
  if (lost.length > 0)
    yield {
      kind: 'objects-lost',
      subject: null,
      message: `The bucket has lost ${counted(lost.length, 'segment')} within the last hour`,
      hint: 'They are copied again. Find out who deletes: a lifecycle rule?',
    };
}

function* historyConditions({ history, nodes, now }: Findings): Generator<Condition> {
  const last = (seconds: number): Point[] => history.filter(({ at }) => at * 1000 >= now - seconds * 1000);
  /** Whether the points of so many seconds, most of which have to be there, are all so. */
  const held = (seconds: number, is: (point: Point) => boolean): boolean => {
    const points = last(seconds);
    return points.length >= (seconds / 15) * 0.75 && points.every(is);
  };
  const { copyQueue, exposureSeconds } = history.at(-1) ?? {};
  // What waits for quieter CPUs does so on purpose.
  const onPurpose = nodes.reduce((sum, { state, load }) => sum + (state === 'dead' ? 0 : load.copyHeld), 0);
  const isStuck = (point: Point): boolean => (point.copyQueue ?? 0) > onPurpose && point.copyRate === 0;
  if (held(stuckSeconds, isStuck))
    yield {
      kind: 'copying-stuck',
      subject: null,
      message: `${counted(copyQueue ?? 0, 'segment waits', 'segments wait')} to be copied, and none was for five minutes`,
      hint: 'The logs of the nodes say why (`copying to the bucket failed`); `segue doctor` tries the bucket.',
    };
  // What the policy leaves on nodes is exposed on purpose: something has to wait for its copy.
  const isBehind = (point: Point): boolean =>
    (point.copyQueue ?? 0) > 0 && (point.exposureSeconds ?? 0) > exposed.seconds;
  if (held(exposed.forSeconds, isBehind))
    yield {
      kind: 'exposure',
      subject: null,
      message: `${risk(exposureSeconds ?? 0)} of media have their only copy on one node`,
      hint: 'See whether copying keeps up; `segue policy --expect-trouble 1h` has a second node hold it.',
    };
}

/** The first of a kind, and how many there are beside. */
function* bounded(conditions: Iterable<Condition>, others: string): Generator<Condition> {
  const all = [...conditions];
  yield* all.slice(0, mostOfKind);
  const [first] = all;
  if (first !== undefined && all.length > mostOfKind)
    yield { ...first, subject: null, message: `${all.length - mostOfKind} ${others}` };
}
