import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDescription } from '../../../src/description/parse.ts';
import { frameCountOf } from '../../../src/description/schema.ts';

const folder = new URL('../../../examples/', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

describe('examples', () => {
  it.each(names)('%s is valid', (name) => {
    expect(frameCountOf(parseDescription(read(name)))).toBeGreaterThan(1);
  });

  it('default.json is 60 s of 720p25 with sound, and needs no file', () => {
    const description = parseDescription(read('default.json'));
    expect(description).toMatchObject({ kind: 'timeline', size: { width: 1280, height: 720 }, fps: 25 });
    expect(frameCountOf(description)).toBe(1500);
    if (description.kind !== 'timeline') return;
    const clips = description.tracks.flatMap((track) => track.clips);
    const types = new Set(clips.map(({ asset }) => asset.type));
    expect([...types].sort()).toEqual(['gradient', 'noise', 'pattern', 'text', 'timecode', 'tone']);
    expect(clips.some(({ in: into }) => into?.type === 'slide-left')).toBe(true);
  });
});

describe('docs/DESCRIPTION.md', () => {
  const text = readFileSync(new URL('../../../docs/DESCRIPTION.md', import.meta.url), 'utf8');

  it('has only examples that are valid', () => {
    const blocks = [...text.matchAll(/```json\n(.*?)```/gs)].map(
      ([, json]) => JSON.parse(json ?? '') as object,
    );
    expect(blocks.length).toBeGreaterThan(3);
    const frame = { segue: 1, kind: 'timeline', size: { width: 640, height: 360 }, fps: 25, duration: 60 };
    for (const block of blocks) {
      // A block is a description, a clip, or an asset.
      const clip = 'asset' in block ? block : { length: 5, asset: block };
      parseDescription('segue' in block ? block : { ...frame, tracks: [{ clips: [clip] }] });
    }
  });
});
