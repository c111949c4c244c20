import { bucketPlace } from '../src/catalog/bucket-place.ts';
import type { CopyRow } from '../src/catalog/copies.ts';
import { countOf, difference, heldOnce, type Ranges, unionOf } from '../src/catalog/ranges.ts';
import type { StreamHead } from '../src/catalog/stream-lists.ts';

/** Where the segments of one rendition of a stream are. Ranges are half-open `[from, to)`. */
export interface StreamRenditionStatus {
  readonly name: string;
  readonly bucket: Ranges;
  /** By id of a live node. */
  readonly nodes: Readonly<Record<string, Ranges>>;
  /** Admitted, and now at no live place: their node is away. */
  readonly absent: Ranges;
  /** Their only copy is one live node. */
  readonly exposed: Ranges;
}

/** Where everything of a stream is. Copies of nodes that are not live do not count. */
export function streamStatus(
  head: { readonly renditions: readonly Pick<StreamHead['renditions'][number], 'name' | 'count'>[] },
  copies: readonly CopyRow[],
  liveNodes: ReadonlySet<string>,
): StreamRenditionStatus[] {
  return head.renditions.map(({ name, count }) => {
    const rows = copies.filter((row) => row.rendition === name && countOf(row.segments) > 0);
    const bucket = rows.find((row) => row.place === bucketPlace)?.segments ?? [];
    const nodes = rows.filter((row) => liveNodes.has(row.place));
    const all: Ranges = count > 0 ? [[0, count]] : [];
    return {
      name,
      bucket,
      nodes: Object.fromEntries(nodes.map((row) => [row.place, row.segments])),
      absent: difference(all, unionOf(bucket, ...nodes.map((row) => row.segments))),
      exposed: difference(heldOnce(nodes.map((row) => row.segments)), bucket),
    };
  });
}
