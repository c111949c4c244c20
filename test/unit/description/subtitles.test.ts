import { describe, expect, test } from 'vitest';
import { canonicalText } from '../../../src/description/canonical.ts';
import { parseDescription } from '../../../src/description/parse.ts';
import { subtitleTracks } from '../../../src/description/subtitles.ts';
import { SegueError } from '../../../src/ops/errors.ts';

const base = {
  segue: 1,
  kind: 'timeline',
  size: { width: 320, height: 180 },
  fps: 25,
  duration: 10,
  tracks: [
    {
      clips: [
        { start: 4, length: 2, asset: { type: 'text', text: 'later' } },
        { start: 0, length: 10, asset: { type: 'timecode' } },
      ],
    },
    { clips: [{ start: 1, length: 5, asset: { type: 'text', text: 'sooner' } }] },
  ],
};
const problems = (description: object): readonly string[] => {
  try {
    parseDescription({ ...base, ...description });
    return [];
  } catch (error) {
    return error instanceof SegueError ? error.problems : [String(error)];
  }
};

describe('subtitles', () => {
  test('are the text of the clips by start, without the timecode', () => {
    expect(subtitleTracks(parseDescription(base))).toEqual([
      {
        name: 'subtitles',
        title: 'Text',
        language: undefined,
        cues: [
          { start: 1, end: 6, text: 'sooner' },
          { start: 4, end: 6, text: 'later' },
        ],
      },
    ]);
    expect(subtitleTracks(parseDescription({ ...base, tracks: [] }))).toEqual([]);
  });

  test('that are spelled out take the place of it; none is none', () => {
    const cues = [{ start: 2, length: 1.5, text: 'Hallo' }];
    const subtitles = [
      { language: 'de', name: 'Deutsch', cues },
      { language: 'pt-BR', cues: [] },
    ];
    expect(subtitleTracks(parseDescription({ ...base, subtitles }))).toEqual([
      {
        name: 'subtitles1',
        title: 'Deutsch',
        language: 'de',
        cues: [{ start: 2, end: 3.5, text: 'Hallo' }],
      },
      { name: 'subtitles2', title: 'pt-BR', language: 'pt-BR', cues: [] },
    ]);
    expect(subtitleTracks(parseDescription({ ...base, subtitles: [] }))).toEqual([]);
  });

  test('leave a description without them as it was', () => {
    expect(canonicalText(parseDescription(base))).not.toContain('subtitles');
  });

  test('are refused with the field and the way out', () => {
    const cue = { start: 0, length: 1, text: 'x' };
    expect(problems({ subtitles: [{ language: 'german!', cues: [cue] }] })).toEqual([
      'subtitles[0].language: expected a language tag (BCP 47) such as "en" or "pt-BR", got "german!"',
    ]);
    expect(problems({ subtitles: [{ language: 'de', name: 'a"b', cues: [] }] })).toEqual([
      'subtitles[0].name: expected a name without quotes and without spaces at its ends, got "a\\"b"',
    ]);
    expect(
      problems({
        subtitles: [
          { language: 'de', cues: [{ ...cue, start: 10 }] },
          { language: 'en', name: 'de', cues: [] },
        ],
      }),
    ).toEqual([
      'subtitles[0].cues[0].start: the cue starts at 10 s, but the video ends at 10 s; start it earlier or raise duration',
      'subtitles[1].name: there are two called "de"; give each its own name',
    ]);
    expect(problems({ subtitles: [{ language: 'de', cues: [{ ...cue, text: ' ' }] }] })).toEqual([
      'subtitles[0].cues[0].text: expected some text, got " "',
    ]);
  });
});
