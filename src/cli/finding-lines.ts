import { type FindingKind, isOpen, type Outcome, type Report } from '../catalog/findings.ts';
import { sizeText } from './size-text.ts';

const titles: Readonly<Record<FindingKind, string>> = {
  'torn-file': 'files on a node that are damaged or gone',
  'file-without-row': 'files on a node without a row',
  'row-without-file': 'rows of a node without a file',
  'unlisted-file': 'files of a stream that were never listed',
  'unknown-file': 'files on a node of renders that the database does not know',
  'missing-object': 'objects that the bucket has lost',
  'damaged-object': 'objects of the wrong size',
  'object-without-row': 'objects without a row',
  'unknown-object': 'objects under names of ours that no row accounts for',
  orphan: 'objects that nothing is known of',
  'missing-playlist': 'playlists and init segments that the bucket has lost',
  'half-upload': 'uploads that were never ended',
  'unsealed-render': 'complete renders that did not play from the bucket alone',
  'other-deployment': 'other deployments that use this bucket: no orphans are removed',
};

const outcomes: Readonly<Record<Outcome, string>> = {
  'row-written': 'row written',
  'row-corrected': 'row corrected',
  'copied-again': 'row corrected; copied again by who has it',
  'made-again': 'removed; being made again',
  'made-on-demand': 'row corrected; made again when somebody asks for it',
  'handed-over': 'handed over to a node that has the right bytes',
  replaced: 'replaced',
  'stored-again': 'stored again',
  sealed: 'sealed: the bucket alone plays',
  postponed: 'stored again by a later sweep, once its segments are back',
  reported: 'reported; removed after the grace time',
  removed: 'removed',
  aborted: 'aborted',
  left: 'left as it is',
  lost: 'lost: nobody can make it again',
};

/** What to do, where that is not plain from the rest. */
const ways: Partial<Record<FindingKind, string>> = {
  'other-deployment':
    'give each database a bucket of its own; of a deployment that is gone for good, delete this object: orphans are removed again after the grace time',
};

/** Examples printed of each kind; JSON has more. */
const shown = 10;

type Example = Report['findings'][number]['examples'][number];
const openFirst = (a: Example, b: Example): number => Number(isOpen(b.done)) - Number(isOpen(a.done));

/** A report for people, line by line. What needs somebody is marked with `!`. */
export function* findingLines({ findings, examined, uploads }: Report): Generator<string> {
  const { files, objects, objectBytes, renders } = examined;
  yield `looked at ${files} files on nodes, ${objects} objects (${sizeText(objectBytes)}) of ${renders} renders`;
  if (uploads === 'unsupported')
    yield 'the provider does not list uploads under way (or not for these credentials): have a lifecycle rule abort those that are left';
  if (findings.length === 0) yield 'nothing is wrong';
  for (const { kind, count, open, bytes, examples } of findings) {
    const need = open > 0 ? `, ${open} need you` : '';
    yield `${open > 0 ? '!' : ' '} ${count} ${titles[kind]} (${sizeText(bytes)}${need})`;
    for (const { place, name, done } of examples.toSorted(openFirst).slice(0, shown))
      yield `    ${place === 'bucket' ? '' : `${place}: `}${name}: ${outcomes[done]}`;
    const more = count - Math.min(shown, examples.length);
    if (more > 0) yield `    and ${more} more`;
    const way = ways[kind];
    if (way !== undefined) yield `    ${way}`;
  }
}
