import type { Catalog } from '../catalog/connect.ts';
import { inBucket, type Tally } from '../catalog/findings.ts';
import { forgetOrphan, forgetUnseen, noteOrphans } from '../catalog/orphans.ts';
import { knownRenders } from '../catalog/swept-render.ts';
import { forEachOf } from '../ops/each.ts';
import type { Bucket } from '../store/bucket.ts';
import { parseRenderObject, renderIn, rendersPrefix } from '../store/names.ts';
import type { ListedObject } from './walk.ts';

/** What dealing with orphans needs. */
export interface OrphanOptions {
  readonly catalog: Catalog;
  readonly bucket: Pick<Bucket, 'delete'>;
  readonly tally: Tally;
  /** How long an object has to be known as an orphan before it is removed, in seconds. */
  readonly graceSeconds: number;
  /** Other deployments use the bucket: what is unknown here may be theirs, and stays. */
  readonly isShared: boolean;
  /** When this sweep began, in the database's words. */
  readonly sweptAt: string;
  readonly signal: AbortSignal;
}

/** The orphans of one sweep. */
export interface OrphanObjects {
  /** Takes one in. */
  add(object: ListedObject): Promise<void>;
  /** Deals with what was taken in; and, the whole listing having been seen, forgets those that are none any more. */
  end(): Promise<void>;
}

/** Orphans dealt with at once: one statement. */
const batch = 200;
/** Deletions at once. */
const width = 4;

/** Remembers orphans in the database, and removes those that an earlier sweep has told of, and whose time is over. */
export function orphanObjects(options: OrphanOptions): OrphanObjects {
  const { catalog, bucket, tally, graceSeconds, sweptAt, isShared, signal } = options;
  let waiting = new Map<string, ListedObject>();

  const remove = async (object: ListedObject): Promise<void> => {
    signal.throwIfAborted();
    const renderId = renderIn(object.key);
    const mayBeKnown = renderId !== undefined && parseRenderObject(object.key) !== undefined;
    // A video that is asked for again gets the render that it had, and finds these objects.
    if (mayBeKnown && (await knownRenders(catalog.db, [renderId])).has(renderId))
      return forgetOrphan(catalog.db, object.key);
    await bucket.delete(object.key, signal);
    await forgetOrphan(catalog.db, object.key);
    tally.note(inBucket('orphan', object.key, object.bytes, 'removed'));
  };

  const settle = async (): Promise<void> => {
    const objects = [...waiting.values()];
    waiting = new Map();
    if (isShared) {
      // Not remembered either: once the bucket is ours alone, their grace time begins.
      for (const { key, bytes } of objects) tally.note(inBucket('orphan', key, bytes, 'left'));
      return;
    }
    const due = await noteOrphans(catalog.db, objects, sweptAt, graceSeconds);
    for (const object of objects)
      if (!due.has(object.key)) tally.note(inBucket('orphan', object.key, object.bytes, 'reported'));
    await forEachOf(
      objects.filter(({ key }) => due.has(key)),
      width,
      remove,
    );
  };

  return {
    async add(object) {
      // Whatever else is wrong: nothing is ever removed elsewhere.
      if (!object.key.startsWith(rendersPrefix)) return;
      waiting.set(object.key, object);
      if (waiting.size >= batch) await settle();
    },
    async end() {
      await settle();
      await forgetUnseen(catalog.db, sweptAt);
    },
  };
}
