import { describe, expect, it } from 'vitest';
import { canonicalText } from '../../../src/description/canonical.ts';
import { parseDescription, parsePinnedDescription } from '../../../src/description/parse.ts';
import { type PinPort, pinDescription } from '../../../src/description/pin.ts';
import { SegueError } from '../../../src/ops/errors.ts';

const hash = (digit: string) => digit.repeat(64);

/** A library of three files and a module; counts what is asked. */
function library(): PinPort & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async asset(src) {
      asked.push(src);
      if (src === 'file:film.mp4')
        return { sha256: hash('a'), video: { durationSeconds: 5 }, audio: { durationSeconds: 5.1 } };
      if (src === 'file:song.mp3') return { sha256: hash('b'), audio: { durationSeconds: 180 } };
      if (src === 'file:still.png') return { sha256: hash('c'), image: {} };
      if (src === 'https://down.example/x') throw new SegueError('bucket_unavailable', 'The bucket is away');
      throw new SegueError('unknown_asset', `there is no file "${src.slice(5)}" in the asset folders`, {
        hint: 'check its name',
      });
    },
    async module(name) {
      if (name === 'orbits') return hash('d');
      throw new SegueError('unknown_asset', `there is no module "${name}"`);
    },
  };
}

const video = (...assets: object[]) =>
  parseDescription({
    $schema: 'https://example.org/schema.json',
    segue: 1,
    kind: 'timeline',
    size: { width: 320, height: 180 },
    fps: 25,
    duration: 4.01,
    tracks: assets.map((asset) => ({ clips: [{ length: 1.99, asset }] })),
  });
const module = (more: object) =>
  parseDescription({
    segue: 1,
    kind: 'module',
    size: { width: 320, height: 180 },
    fps: 25,
    duration: 4,
    module: 'orbits',
    ...more,
  });

async function problemsOf(work: Promise<unknown>): Promise<readonly string[]> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SegueError);
  expect((error as SegueError).code).toBe('asset_refused');
  return (error as SegueError).problems;
}

describe('pinDescription', () => {
  it('names every file by content, asks once a file, and leaves whole frames that parse back', async () => {
    const files = library();
    const description = video(
      { type: 'video', src: 'file:film.mp4' },
      { type: 'audio', src: 'file:film.mp4' },
      { type: 'image', src: 'file:still.png' },
      { type: 'color', color: '#000000' },
    );
    const pinned = await pinDescription(description, files);
    expect(files.asked.sort()).toEqual(['file:film.mp4', 'file:still.png']);
    expect(pinned).toMatchObject({
      duration: 4,
      tracks: [
        { clips: [{ length: 2, asset: { src: `sha256:${hash('a')}` } }] },
        {},
        { clips: [{ asset: { src: `sha256:${hash('c')}` } }] },
        {},
      ],
    });
    expect(pinned).not.toHaveProperty('$schema');
    expect(parsePinnedDescription(JSON.parse(canonicalText(pinned)))).toEqual(pinned);
  });

  it('says for every field what cannot be used, and as what it can', async () => {
    const description = video(
      { type: 'video', src: 'file:song.mp3' },
      { type: 'audio', src: 'file:gone.wav' },
      { type: 'image', src: 'file:film.mp4' },
      { type: 'video', src: 'file:still.png' },
    );
    expect(await problemsOf(pinDescription(description, library()))).toEqual([
      'tracks[0].clips[0].asset.src: the file has no video, only audio; use it as type "audio"',
      'tracks[1].clips[0].asset.src: there is no file "gone.wav" in the asset folders; check its name',
      'tracks[2].clips[0].asset.src: the file has no image, only video and audio; use it as type "video"',
      'tracks[3].clips[0].asset.src: the file has no video, only image; use it as type "image"',
    ]);
  });

  it('says where a file ends before a clip begins in it', async () => {
    const description = video(
      { type: 'video', src: 'file:film.mp4', from: 5 },
      { type: 'audio', src: 'file:film.mp4', from: 5 },
      { type: 'video', src: 'file:film.mp4', from: 4.9, loop: true },
    );
    expect(await problemsOf(pinDescription(description, library()))).toEqual([
      'tracks[0].clips[0].asset.from: its video ends at 5 s; begin earlier, got 5',
      'tracks[2].clips[0].asset.loop: its video ends at 5 s, and less than 0.2 s cannot be repeated; begin earlier or do not loop',
    ]);
  });

  it('throws on what a later try may mend, so that nobody is told to change the description', async () => {
    const work = pinDescription(video({ type: 'image', src: 'https://down.example/x' }), library());
    await expect(work).rejects.toMatchObject({ code: 'bucket_unavailable', retryable: true });
  });

  it('binds a module to its content', async () => {
    expect(await pinDescription(module({}), library())).toMatchObject({
      moduleSha256: hash('d'),
      params: {},
    });
    expect(await pinDescription(module({ moduleSha256: hash('d') }), library())).toMatchObject({
      moduleSha256: hash('d'),
    });
    expect(await problemsOf(pinDescription(module({ moduleSha256: hash('e') }), library()))).toEqual([
      'module: module "orbits" has other content by now; leave moduleSha256 out to use what is registered',
    ]);
    expect(await problemsOf(pinDescription(module({ module: 'none' }), library()))).toEqual([
      'module: there is no module "none"',
    ]);
  });

  it('stops when it is told to', async () => {
    const description = video({ type: 'video', src: 'file:film.mp4' });
    await expect(
      pinDescription(description, library(), AbortSignal.abort(new Error('enough'))),
    ).rejects.toThrow('enough');
  });
});
