import { SegueError } from '../ops/errors.ts';
import { bodyBytes, mostBodies, remember } from './limits.ts';
import { type Part, partName } from './playlist.ts';

/** An upload whose body is under way. */
export interface Arrival {
  /** Grows with the moment at which uploads of a stream began. */
  readonly order: number;
  /** Counts bytes before they are written. @throws SegueError `storage_full` */
  took(bytes: number): void;
  /** Says that it is worked on now. Returns whether a later upload of that name has been already: then it is to change nothing. */
  isOvertaken(): boolean;
  /** It is at hand, or never will be. Safe to call twice. */
  done(): void;
}

/** The uploads of one stream that are under way: bounded in number and bytes. */
export interface Bodies {
  readonly count: number;
  /** To be called before anything is waited for: ffmpeg sends the next file without waiting for an answer to the last. @throws SegueError `too_many_requests` */
  begin(part: Part): Arrival;
  /** Whether bytes of a part that were sent before the upload `before` began are still under way, and will count once they are here. */
  isComing(part: Part, before?: number): boolean;
}

/** No upload is under way. */
export function noBodies(): Bodies {
  const underWay = new Map<string, Set<number>>();
  const newest = new Map<string, number>();
  let orders = 0;
  let count = 0;
  let bytes = 0;

  const isNewer = (name: string, before: number): boolean => {
    const last = newest.get(name) ?? 0;
    return [...(underWay.get(name) ?? [])].some((order) => order > last && order < before);
  };

  return {
    get count() {
      return count;
    },
    begin(part) {
      if (count >= mostBodies) {
        throw new SegueError('too_many_requests', `${count} uploads of the stream are under way`, {
          hint: 'Wait for answers before sending more.',
        });
      }
      const name = partName(part);
      orders += 1;
      const order = orders;
      const same = underWay.get(name) ?? new Set();
      underWay.set(name, same.add(order));
      count += 1;
      let own = 0;
      return {
        order,
        took(more) {
          if (bytes + more > bodyBytes) {
            throw new SegueError(
              'storage_full',
              `Uploads of the stream that are under way have ${bytes} bytes`,
              {
                hint: 'Send fewer files at once.',
              },
            );
          }
          own += more;
          bytes += more;
        },
        isOvertaken() {
          if ((newest.get(name) ?? 0) > order) return true;
          remember(newest, name, order);
          return false;
        },
        done() {
          if (!same.delete(order)) return;
          if (same.size === 0 && underWay.get(name) === same) underWay.delete(name);
          count -= 1;
          bytes -= own;
        },
      };
    },
    isComing: (part, before = Number.POSITIVE_INFINITY) =>
      isNewer(partName(part), before) || (part.range !== undefined && isNewer(part.path, before)),
  };
}
