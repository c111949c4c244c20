import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type AssetFacts, assetFactsSchema } from './asset.ts';

const name = /^([0-9a-f]{64})(\.json|\.48k\.wav)?$/;

/** Names of an asset's files in the cache folder, and of a temporary file beside them. */
export const filesOf = (folder: string, sha256: string) => ({
  original: join(folder, sha256),
  facts: join(folder, `${sha256}.json`),
  wav: join(folder, `${sha256}.48k.wav`),
});

/** A new name that no asset has; what a dead process leaves of such names is removed by {@link scanFolder}. */
export const temporaryIn = (folder: string): string => join(folder, `tmp-${randomUUID()}`);

/** What a cache folder holds: bytes by asset, the one unused for longest first. Makes the folder, and removes temporary files and strangers of an earlier process. */
export async function scanFolder(folder: string): Promise<Map<string, number>> {
  await mkdir(folder, { recursive: true });
  const found = new Map<string, { bytes: number; usedMs: number }>();
  for (const file of await readdir(folder)) {
    const sha256 = name.exec(file)?.[1];
    const path = join(folder, file);
    if (sha256 === undefined) {
      if (file.startsWith('tmp-')) await rm(path, { force: true, recursive: true });
      continue;
    }
    const { size, mtimeMs, atimeMs } = await stat(path);
    const before = found.get(sha256) ?? { bytes: 0, usedMs: 0 };
    found.set(sha256, { bytes: before.bytes + size, usedMs: Math.max(before.usedMs, mtimeMs, atimeMs) });
  }
  const oldestFirst = [...found].sort(([, a], [, b]) => a.usedMs - b.usedMs);
  return new Map(oldestFirst.map(([sha256, { bytes }]) => [sha256, bytes]));
}

/** Size of a file; 0 where it does not exist. */
export const sizeOf = async (path: string): Promise<number> =>
  (await stat(path).catch(() => ({ size: 0 }))).size;

/** Facts as they were written beside an asset; undefined where they are absent, unreadable, or of another version of Segue. */
export async function readFacts(path: string): Promise<AssetFacts | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return assetFactsSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Writes facts beside an asset: temporary name, sync, rename. */
export async function writeFacts(folder: string, facts: AssetFacts): Promise<void> {
  const temporary = temporaryIn(folder);
  {
    await using file = await open(temporary, 'wx');
    await file.writeFile(JSON.stringify(facts));
    await file.sync();
  }
  await rename(temporary, filesOf(folder, facts.sha256).facts);
}
