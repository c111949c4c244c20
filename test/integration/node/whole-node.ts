import { nodeSegmentPath, urlSigner } from '../../../src/node/sign.ts';
import type { BucketSettings, NodeConfig } from '../../../src/ops/config.ts';

/** What nodes and playlist service share. */
export const secret = 'a secret of thirty-two characters';
const signer = urlSigner(secret);

/** Settings of a node `a` as `startNode` takes them. */
export const settingsOf = (
  databaseUrl: string,
  bucket: BucketSettings,
  dataFolder: string,
  changed: Partial<NodeConfig> = {},
): NodeConfig => ({
  nodeId: 'a',
  host: '127.0.0.1',
  port: 0,
  url: undefined,
  dataFolder,
  adopt: [],
  databaseUrl,
  bucket,
  secret,
  assetFolders: [],
  assetHosts: [],
  modulesFolder: undefined,
  ffmpegPath: undefined,
  leaseSeconds: 3,
  weight: 1,
  drainSeconds: 5,
  diskReserveBytes: 0,
  diskBudgetBytes: undefined,
  sweep: { hours: 0, orphanGraceSeconds: 604_800, uploadGraceSeconds: 86_400 },
  renderAheadSeconds: 60,
  logLevel: 'silent',
  ...changed,
});

/** Asks a node for a segment, as the playlist service does for a viewer who waits. */
export const want = (node: { readonly url: string }, renderId: string, n: number): Promise<Response> =>
  fetch(`${node.url}/renders/${renderId}`, {
    method: 'POST',
    body: JSON.stringify({ want: { n } }),
    headers: { authorization: `Bearer ${secret}` },
  });

/** Gets a segment from a node. */
export const segment = async (
  node: { readonly url: string },
  renderId: string,
  rendition: string,
  n: number,
): Promise<Response> => {
  const path = nodeSegmentPath(renderId, rendition, n, 'fmp4');
  return fetch(`${node.url}${path}?${await signer.sign(path, Date.now() + 10_000)}`);
};

/** A figure of `/metrics`. */
export const figure = async (node: { readonly url: string }, name: string): Promise<number> => {
  const text = await (await fetch(`${node.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
};
