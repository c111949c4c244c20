/** Bounds of what a producer may send, and of what is remembered of it. Far above what real ones do; docs/OPERATING.md names them. */

/** Bytes of a playlist. */
export const playlistBytes = 8 * 1024 * 1024;
/** Lines of a playlist. */
export const playlistLines = 200_000;
/** Segments of a playlist. */
export const playlistSegments = 50_000;
/** Renditions of a multivariant playlist, and of a stream. */
export const mostRenditions = 32;
/** Characters of a line. */
export const lineLength = 4096;
/** Characters of a path below the ingest URL, and its folders. */
export const pathLength = 512;
export const pathDepth = 12;
/** Seconds of a segment. */
export const segmentSeconds = 3600;
/** Bytes of one uploaded file. */
export const fileBytes = 256 * 1024 * 1024;
/** Bytes of an init segment or a key: they are kept in the catalog. */
export const initBytes = 1024 * 1024;
/** Bytes of all uploads of a stream that are not listed yet. */
export const spoolBytes = 2 * 1024 * 1024 * 1024;
/** Uploads of a stream that are not listed yet. */
export const spoolFiles = 4096;
/** Streams that a node takes in at once. */
export const mostStreams = 64;
/** Admitted segments that are remembered by where they came from: a producer that starts again is recognised by them. */
export const remembered = 4096;
/** Uploads of a stream that are under way at once. */
export const mostBodies = 128;
/** Bytes of uploads of a stream that are under way. */
export const bodyBytes = 1024 * 1024 * 1024;
/** How often a byte of an upload may be listed in ranges: several renditions may lie in one file. */
export const rangeReuse = 4;

/** Keeps a value under a name, and of all names the {@link remembered} newest. */
export function remember<K, V>(map: Map<K, V>, name: K, value: V): void {
  // The newest last: the map is also the order in which they are forgotten.
  map.delete(name);
  map.set(name, value);
  for (const oldest of map.keys()) {
    if (map.size <= remembered) break;
    map.delete(oldest);
  }
}
