import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VerifyReport } from '../../../src/verify/report.ts';
import { verifyStream } from '../../../src/verify/stream.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/wait.ts';
import { type FolderServer, recipes, serveFolder, startGrowing } from './material.ts';

const idsOf = ({ findings }: VerifyReport): string[] => [...new Set(findings.map(({ check }) => check))];
const watching = (url: string, watchMs: number): Promise<VerifyReport> =>
  verifyStream(`${url}/index.m3u8`, { watchMs }, AbortSignal.timeout(100_000));
/** Writes a list, waits until it was read, and ends it: what watches it has done with it then. */
async function rewrite(server: FolderServer, path: string, text: string): Promise<void> {
  await writeFile(path, text);
  const before = server.lists();
  // Whoever asks again has read the one before.
  await until(() => server.lists() >= before + 2, { what: 'the list was read again', timeout: 60_000 });
  await writeFile(path, `${text}#EXT-X-ENDLIST\n`);
}
const listed = async (folder: string): Promise<number> =>
  (await readFile(join(folder, 'index.m3u8'), 'utf8').catch(() => '')).split('#EXTINF').length - 1;

describe.concurrent('growing lists that ffmpeg writes', () => {
  it('follows an EVENT list to its end, and checks what was appended', async () => {
    await using folder = await temporaryFolder();
    await using server = await serveFolder(folder.path);
    const made = startGrowing(folder.path, 'event', 16);
    await until(async () => (await listed(folder.path)) >= 2, {
      what: 'two segments listed',
      timeout: 60_000,
    });
    const report = await watching(server.url, 60_000);
    await made;
    const [one] = report.renditions;
    expect(one?.watch).toMatchObject({ removed: 0, ended: true });
    expect([one?.complete, one?.listed, one?.fetched]).toEqual([true, 16, 16]);
    expect(one?.watch?.appended).toBeGreaterThan(0);
    expect(idsOf(report)).not.toContain('m3u8.endlist');
    expect(idsOf(report).filter((id) => id.startsWith('watch.') && id !== 'watch.late')).toEqual([]);
    expect(idsOf(report).filter((id) => id.startsWith('time.'))).toEqual([]);
  });

  it('follows a live window that slides', async () => {
    await using folder = await temporaryFolder();
    await using server = await serveFolder(folder.path);
    const made = startGrowing(folder.path, 'live', 16);
    await until(async () => (await listed(folder.path)) >= 2, {
      what: 'two segments listed',
      timeout: 60_000,
    });
    const report = await watching(server.url, 60_000);
    await made;
    const [one] = report.renditions;
    expect(one?.watch).toMatchObject({ ended: true });
    expect(one?.watch?.removed).toBeGreaterThan(0);
    expect(idsOf(report).filter((id) => id.startsWith('watch.') && id !== 'watch.late')).toEqual([]);
    expect(idsOf(report)).not.toContain('time.tfdt');
  });
});

describe.concurrent('lists that change what they should not', () => {
  it.each([
    ['a line', (text: string) => text.replace('index1.ts', '../moved/index1.ts'), 'watch.line'],
    [
      'the target duration',
      (text: string) => text.replace('DURATION:2', 'DURATION:3'),
      'watch.targetduration',
    ],
    [
      'its start, without counting',
      (text: string) => text.replace(/#EXTINF.*\nindex0\.ts\n/, ''),
      'watch.sequence',
    ],
    ['its end', (text: string) => text.replace(/#EXTINF.*\nindex3\.ts\n/, ''), 'watch.removed'],
  ] as const)('notices that a list changes %s', async (_, change, rule) => {
    await using folder = await temporaryFolder();
    await recipes.ts(folder.path);
    const path = join(folder.path, 'index.m3u8');
    const open = (await readFile(path, 'utf8'))
      .replace('#EXT-X-ENDLIST\n', '')
      .replace('#EXT-X-PLAYLIST-TYPE:VOD\n', '');
    await writeFile(path, open);
    await using server = await serveFolder(folder.path);
    const report = watching(server.url, 60_000);
    await until(() => server.requests() > 1, { what: 'the playlist was read' });
    await rewrite(server, path, change(open));
    const findings = (await report).findings.filter(({ check }) => check === rule);
    expect(findings[0]?.message).toMatch(/ was | removed/);
  });

  it('notices other bytes under the same URL', async () => {
    await using folder = await temporaryFolder();
    await recipes.ts(folder.path);
    const path = join(folder.path, 'index.m3u8');
    const open = (await readFile(path, 'utf8')).replace('#EXT-X-ENDLIST\n', '');
    await writeFile(path, open);
    await using server = await serveFolder(folder.path);
    const report = watching(server.url, 60_000);
    await until(() => server.requests() > 6, { what: 'the segments were read' });
    await writeFile(join(folder.path, 'index0.ts'), await readFile(join(folder.path, 'index1.ts')));
    // They are read once more at the end.
    await rewrite(server, path, open);
    expect(idsOf(await report)).toContain('watch.bytes');
  });

  it('says that a list has stopped growing', async () => {
    await using folder = await temporaryFolder();
    await recipes.ts(folder.path);
    const path = join(folder.path, 'index.m3u8');
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replace('#EXT-X-ENDLIST\n', '').replace('TYPE:VOD', 'TYPE:EVENT'),
    );
    await using server = await serveFolder(folder.path);
    expect(idsOf(await watching(server.url, 15_000))).toEqual(
      expect.arrayContaining(['watch.late', 'm3u8.endlist']),
    );
  });
});
