import { z } from 'zod';
import { bucketPlace } from './bucket-place.ts';

/**
 * What reconciliation finds, counts and tells. Portable: nodes make reports, the playlist service joins them, the command
 * line prints them.
 */

/** Kinds of findings. On a node's disk: the first five. In the bucket: the others. */
export const findingKinds = [
  /** A file that is not what was written, or is gone. */
  'torn-file',
  'file-without-row',
  'row-without-file',
  /** A file of a foreign stream that was never listed, or not with these bytes. */
  'unlisted-file',
  /** A file of a render that the catalog does not know. */
  'unknown-file',
  /** A row says that the bucket has a segment, and it has not. */
  'missing-object',
  /** An object of another size than was recorded. */
  'damaged-object',
  'object-without-row',
  /** An object under a name of ours that no row accounts for. */
  'unknown-object',
  /** An object that nothing is known of: its render, or its kind of name. */
  'orphan',
  /** A playlist or init segment of a render that is said to play from the bucket alone. */
  'missing-playlist',
  /** A multipart upload that was never ended. */
  'half-upload',
  /** The bucket has every segment of a render, and nobody has stored its playlists. */
  'unsealed-render',
  /** The mark of a deployment with another database: what it stores are orphans to this one. */
  'other-deployment',
] as const;
/** One of {@link findingKinds}. */
export type FindingKind = (typeof findingKinds)[number];

/** What was done. `left` and `lost` need somebody; nobody can make `lost` again. */
export const outcomes = [
  'row-written',
  'row-corrected',
  'copied-again',
  'made-again',
  'made-on-demand',
  'handed-over',
  'replaced',
  'stored-again',
  'sealed',
  'postponed',
  'reported',
  'removed',
  'aborted',
  'left',
  'lost',
] as const;
/** One of {@link outcomes}. */
export type Outcome = (typeof outcomes)[number];

/** Whether it needs an operator. */
export const isOpen = (done: Outcome): boolean => done === 'left' || done === 'lost';

const exampleSchema = z.object({
  place: z.string().describe('Id of a node, or `bucket`'),
  name: z.string().describe('Name of the object; of a file: render, rendition and number'),
  bytes: z.number().describe('0 where that is not known'),
  done: z.enum(outcomes),
});

/** One thing that is not as it should be. */
export interface Finding extends z.output<typeof exampleSchema> {
  readonly kind: FindingKind;
}

const groupSchema = z.object({
  kind: z.enum(findingKinds),
  count: z.int(),
  open: z.int().describe('How many of them need an operator'),
  bytes: z.number(),
  examples: z.array(exampleSchema),
});

/** A report, complete or as far as it has come. */
export const reportSchema = z.object({
  findings: z.array(groupSchema).describe('By kind; kinds of which there are none are left out'),
  examined: z.object({
    files: z.int(),
    objects: z.int(),
    objectBytes: z.number(),
    renders: z.int().describe('Renders of which the bucket has, or should have, something'),
  }),
  uploads: z
    .enum(['checked', 'unsupported', 'unchecked'])
    .describe('Whether half uploads were looked for; not every provider lists them'),
});
/** What reconciliation found, in counts, bytes and up to 100 examples of each kind. */
export type Report = z.output<typeof reportSchema>;

/** One run on one node. */
export const runSchema = z.object({
  id: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  verify: z.boolean(),
  bucket: z.boolean(),
  startedAt: z.iso.datetime(),
  error: z.string().nullable().describe('Why it failed'),
  report: reportSchema,
});
/** A run of reconciliation on a node: which parts of it were asked for, and how far it is. */
export type Run = z.output<typeof runSchema>;

/** Most examples of one kind in a report. */
const mostExamples = 100;

/** A report that grows. */
export interface Tally {
  /** Counts a finding. */
  note(finding: Finding): void;
  /** May be counted up by whoever looks. */
  readonly examined: Report['examined'];
  uploads: Report['uploads'];
  report(): Report;
}

/** Starts with nothing found. `onFinding` is told of each finding. */
export function tally(onFinding: (finding: Finding) => void = () => undefined): Tally {
  const groups = new Map<FindingKind, z.output<typeof groupSchema>>();
  const counted: Tally = {
    examined: { files: 0, objects: 0, objectBytes: 0, renders: 0 },
    uploads: 'unchecked',
    note(finding) {
      const { kind, ...example } = finding;
      const group = groups.get(kind) ?? { kind, count: 0, open: 0, bytes: 0, examples: [] };
      groups.set(kind, group);
      group.count += 1;
      group.bytes += example.bytes;
      if (isOpen(example.done)) group.open += 1;
      keepExample(group.examples, example);
      onFinding(finding);
    },
    report: () => ({
      findings: inOrder([...groups.values()].map((group) => ({ ...group, examples: [...group.examples] }))),
      examined: { ...counted.examined },
      uploads: counted.uploads,
    }),
  };
  return counted;
}

type Example = z.output<typeof exampleSchema>;

/** What needs somebody is told before what does not. */
function keepExample(examples: Example[], example: Example): void {
  if (examples.length < mostExamples) return void examples.push(example);
  if (!isOpen(example.done)) return;
  const at = examples.findIndex(({ done }) => !isOpen(done));
  if (at >= 0) examples[at] = example;
}

const inOrder = <T extends { readonly kind: FindingKind }>(groups: readonly T[]): T[] =>
  groups.toSorted((a, b) => findingKinds.indexOf(a.kind) - findingKinds.indexOf(b.kind));

/** One report of several: those of the nodes, or of the parts of a run. */
export function joinReports(reports: readonly Report[]): Report {
  const groups = new Map<FindingKind, z.output<typeof groupSchema>>();
  for (const one of reports.flatMap(({ findings }) => findings)) {
    const group = groups.get(one.kind) ?? { kind: one.kind, count: 0, open: 0, bytes: 0, examples: [] };
    groups.set(one.kind, group);
    group.count += one.count;
    group.open += one.open;
    group.bytes += one.bytes;
    for (const example of one.examples) keepExample(group.examples, example);
  }
  const sum = (of: (examined: Report['examined']) => number): number =>
    reports.reduce((total, { examined }) => total + of(examined), 0);
  const uploads = new Set(reports.map((report) => report.uploads));
  return {
    findings: inOrder([...groups.values()]),
    examined: {
      files: sum(({ files }) => files),
      objects: sum(({ objects }) => objects),
      objectBytes: sum(({ objectBytes }) => objectBytes),
      renders: sum(({ renders }) => renders),
    },
    uploads: uploads.has('checked') ? 'checked' : uploads.has('unsupported') ? 'unsupported' : 'unchecked',
  };
}

/** Findings that need an operator. */
export const openIn = (report: Report): number => report.findings.reduce((sum, { open }) => sum + open, 0);

/** A finding in the bucket. */
export const inBucket = (kind: FindingKind, name: string, bytes: number, done: Outcome): Finding => ({
  kind,
  place: bucketPlace,
  name,
  bytes,
  done,
});
