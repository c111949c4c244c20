import type { ListedSegment } from './playlist/media.ts';
import type { Findings, Place } from './report.ts';
import { attempt, FormatError, noFacts, type SegmentFacts } from './segment/facts.ts';
import { readFmp4 } from './segment/fmp4.ts';
import type { Init, Initial } from './segment/init.ts';
import { readPacked } from './segment/packed.ts';
import { containerOf } from './segment/sniff.ts';
import { readTs } from './segment/ts.ts';
import { readVtt } from './segment/webvtt.ts';

/** What is known of a segment before it is read. */
export interface Expected {
  readonly initial: Initial | undefined;
  readonly listed: ListedSegment;
  readonly iframes: boolean;
}

/** Reads the plain bytes of a segment, whatever they are, and checks their structure. Undefined where they cannot be read. */
export function readBody(
  bytes: Uint8Array,
  expected: Expected,
  place: Place,
  findings: Findings,
): SegmentFacts | undefined {
  const { initial, listed } = expected;
  const container = containerOf(bytes);
  const isMp4 = /\.(m4s|mp4|m4v|m4a|cmfv|cmfa)$/i.test(new URL(listed.url).pathname);
  // What should be fMP4 is read as such, so that the finding says which box is wrong.
  if (container === undefined && isMp4 && initial !== undefined)
    return fmp4(bytes, expected, place, findings);
  const start = Buffer.from(bytes.subarray(0, 16))
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '.');
  findings.expect('segment.format', place, container === undefined && `it begins with \`${start}\``);
  switch (container) {
    case 'fmp4':
      return fmp4(bytes, expected, place, findings);
    case 'ts': {
      const tables = initial !== undefined && 'tables' in initial ? initial.tables : undefined;
      return ts(tables === undefined ? bytes : Buffer.concat([tables, bytes]), place, findings);
    }
    case 'packed': {
      const facts = readPacked(bytes);
      findings.expect('audio.timestamp', place, facts.timestampProblem);
      findings.expect('audio.frames', place, facts.framesProblem);
      return facts;
    }
    case 'webvtt': {
      const facts = readVtt(bytes);
      findings.expect('vtt.header', place, facts.headerProblem);
      findings.expect('vtt.map', place, facts.mapProblem);
      return facts;
    }
    case 'image':
      return { ...noFacts, container: 'image', tracks: [] };
    case undefined:
      return undefined;
  }
}

function fmp4(
  bytes: Uint8Array,
  { initial, listed, iframes }: Expected,
  place: Place,
  findings: Findings,
): SegmentFacts | undefined {
  const init: Init | undefined = initial !== undefined && 'init' in initial ? initial.init : undefined;
  // Without its init segment, which is a finding already, nothing is known of its tracks.
  if (init === undefined) return undefined;
  const facts = attempt(() => readFmp4(bytes, init, iframes && listed.range !== undefined));
  findings.expect('box.structure', place, facts instanceof FormatError && facts.message);
  if (facts instanceof FormatError) return undefined;
  findings.expect('box.samples', place, facts.samplesProblem);
  const known = init.map(({ id }) => id).join(', ');
  const { stranger, joinProblem } = facts;
  const told = stranger !== undefined && `track ${stranger}, but the init segment has track ${known}`;
  findings.expect('box.track', place, told);
  findings.expect('time.tfdt', place, joinProblem);
  return facts;
}

function ts(bytes: Uint8Array, place: Place, findings: Findings): SegmentFacts | undefined {
  const facts = attempt(() => readTs(bytes));
  findings.expect('ts.packets', place, facts instanceof FormatError && facts.message);
  if (facts instanceof FormatError) return undefined;
  findings.expect('ts.tables', place, facts.tablesProblem);
  findings.expect('ts.times', place, facts.timesProblem);
  findings.expect('ts.counters', place, facts.counterProblem);
  return facts;
}
