/** The pathway that a multivariant playlist lists: stable URLs, behind which the service decides where bytes come from. */
export const nodesPathway = 'nodes';
/** The pathway that sessions are moved to once everything is in the bucket. */
const bucketPathway = 'bucket';

/** Absolute URLs of media playlists, by stable id (see {@link stableIdOf}). */
export interface SealedUris {
  readonly variants: Readonly<Record<string, string>>;
  readonly renditions: Readonly<Record<string, string>>;
  /** The sealed prefix of all of them, where it is the same and nothing is listed that has none. */
  readonly all: number | undefined;
}

/** What a steering manifest depends on. */
export interface SteeringInput {
  /** Absolute URL of the manifest itself. */
  readonly reloadUri: string;
  /** Media playlists whose segments are all in the bucket, once the video is; undefined before. */
  readonly sealed: SealedUris | undefined;
  /** Whether the bucket's public address answers. */
  readonly bucketAnswers: boolean;
}

/** Seconds after which a player asks again: while there is something to come, and once there is not. */
const ttl = { waiting: 10, moved: 60 } as const;

/** Names a rendition whatever its pathway: its path, of the characters that RFC 8216bis admits (4.4.6.1). */
export const stableIdOf = (path: string): string => path.replaceAll('~', '.');

/**
 * A steering manifest (RFC 8216bis 7.1). Before everything is stored there is one pathway. Then there is a second, a clone of the
 * first whose media playlists carry the full sealed prefix: their segments are in the bucket, and they are as immutable as
 * any other. Nobody sees two variants of the same thing but the player that is moved. While the bucket does not answer, who was
 * moved is called back.
 */
export function steeringManifest(input: SteeringInput): Record<string, unknown> {
  const { reloadUri, sealed, bucketAnswers } = input;
  const isOver = sealed !== undefined && bucketAnswers;
  const head = { VERSION: 1, TTL: isOver ? ttl.moved : ttl.waiting, 'RELOAD-URI': reloadUri };
  if (sealed === undefined) return { ...head, 'PATHWAY-PRIORITY': [nodesPathway] };
  return {
    ...head,
    'PATHWAY-PRIORITY': bucketAnswers ? [bucketPathway, nodesPathway] : [nodesPathway, bucketPathway],
    'PATHWAY-CLONES': [
      {
        'BASE-ID': nodesPathway,
        ID: bucketPathway,
        'URI-REPLACEMENT': {
          // The host stays as it is; video.js sets it without looking whether there is one.
          HOST: new URL(reloadUri).hostname,
          ...(sealed.all === undefined ? {} : { PARAMS: { sealed: String(sealed.all) } }),
          'PER-VARIANT-URIS': sealed.variants,
          'PER-RENDITION-URIS': sealed.renditions,
        },
      },
    ],
  };
}
