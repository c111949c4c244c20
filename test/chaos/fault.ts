/** A node that the stack runs. */
export type NodeName = 'node-1' | 'node-2';

/**
 * Something that goes wrong, or is done to the stack. A third node, `node-3`, runs beside the stack: every way to it can be cut,
 * and it has an ffmpeg of its own.
 */
export type Fault =
  | { readonly kind: 'kill' | 'lose' | 'stop' | 'fill'; readonly node: NodeName }
  /** The nodes of the stack, one after the other, as an operator replaces them. */
  | { readonly kind: 'drain' }
  /** Nothing passes from and to `node-3`; or it cannot be reached, while its own calls pass. */
  | { readonly kind: 'partition'; readonly how: 'whole' | 'inbound' }
  /** Of `node-3`. */
  | { readonly kind: 'ffmpeg'; readonly how: 'crash' | 'hang' }
  /** `denied`: 403, as of a key that was withdrawn; `skewed`: 403, as of a clock that is an hour off. */
  | {
      readonly kind: 'bucket';
      readonly how: 'refuse' | '503' | 'reset' | 'slow' | 'swallow' | 'denied' | 'skewed';
    }
  /** The bucket loses segments; `at`: which, as a part of all that it has. */
  | { readonly kind: 'objects'; readonly at: number }
  | { readonly kind: 'database'; readonly how: 'refuse' | 'hold' | 'slow' | 'reset' }
  /** Where viewers read the bucket. */
  | { readonly kind: 'cdn'; readonly how: 'refuse' | '503' | 'slow' }
  | { readonly kind: 'playlists'; readonly how: 'kill' | 'replace' };

/** What ends a fault, and waits until the stack has recovered from it. */
export type Undo = () => Promise<void>;

/** Faults of one lane never overlap. */
export type Lane = 'node' | 'bucket' | 'database' | 'front';

/** A fault with its time, in seconds from the start. */
export interface Planned {
  readonly lane: Lane;
  readonly at: number;
  /** How long it lasts; 0 where it is over by itself. */
  readonly seconds: number;
  readonly fault: Fault;
}

/**
 * Whether only viewers who try again survive a fault: what refuses a connection, or cuts an answer, costs ffmpeg a segment
 * (docs/PLAYERS.md). None of these plays meanwhile.
 */
export const isRough = ({ fault }: Planned): boolean =>
  (fault.kind === 'cdn' && fault.how !== 'slow') || (fault.kind === 'playlists' && fault.how === 'kill');

/** What kind of thing a fault is, whatever it hits. */
export const kindOf = (fault: Fault): string => ('how' in fault ? `${fault.kind} ${fault.how}` : fault.kind);

/** A fault in words. */
export function wordsOf({ fault, seconds }: Planned): string {
  const lasting = seconds > 0 ? ` for ${seconds} s` : '';
  switch (fault.kind) {
    case 'kill':
      return `kill ${fault.node}`;
    case 'lose':
      return `kill ${fault.node} and empty its disk`;
    case 'stop':
      return `freeze ${fault.node}${lasting}`;
    case 'fill':
      return `fill the disk of ${fault.node}${lasting}`;
    case 'drain':
      return 'drain and restart the nodes, one after the other';
    case 'partition':
      return fault.how === 'whole' ? `cut node-3 off${lasting}` : `nobody reaches node-3${lasting}`;
    case 'ffmpeg':
      return `ffmpeg of node-3: ${fault.how}${lasting}`;
    case 'objects':
      return 'the bucket loses three segments';
    case 'playlists':
      return fault.how === 'kill' ? 'kill the playlist service' : 'replace the playlist service';
    case 'cdn':
      return `reading the bucket: ${fault.how}${lasting}`;
    case 'bucket':
    case 'database':
      return `${fault.kind}: ${fault.how}${lasting}`;
  }
}
