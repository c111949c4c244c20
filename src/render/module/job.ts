import type { SegmentWindow } from '../../grid/grid.ts';
import type { ModuleWorkerData } from './protocol.ts';

/** Bounds of a running module. */
export interface ModuleLimits {
  /** Milliseconds to load. */
  readonly load: number;
  /** Milliseconds for one frame, or for one second of sound. */
  readonly call: number;
  /** Megabytes of JavaScript heap. */
  readonly heap: number;
  /** Megabytes of everything: pixels and decoded images are not on the heap. */
  readonly memory: number;
}

/** Bounds that leave room for slow machines and none for endless loops. */
export const defaultModuleLimits: ModuleLimits = { load: 30_000, call: 10_000, heap: 256, memory: 1_024 };

/** What a module host is told, as JSON, in the first line of its stdin. */
export interface ModuleJob {
  readonly name: string;
  readonly data: ModuleWorkerData;
  readonly window: SegmentWindow;
  readonly limits: ModuleLimits;
}

/**
 * A host answers on its pipe with records: a header of kind (1 byte) and length (4 bytes, big-endian), then as many bytes.
 * First one with the window's sound, then one a frame; then `spent`, which is a header alone: in the place of the length it has
 * the milliseconds of CPU that the host took. Or, at any time and as the last, why there is none.
 */
export const recordKinds = { media: 1, failed: 2, spent: 3 } as const;

/** Bytes of a record's header. */
export const headerBytes = 5;

/** File descriptor of the pipe in the host. */
export const hostPipe = 3;

/** The header of a record. */
export function recordHeader(kind: keyof typeof recordKinds, length: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(headerBytes));
  header.setUint8(0, recordKinds[kind]);
  header.setUint32(1, length);
  return new Uint8Array(header.buffer);
}
