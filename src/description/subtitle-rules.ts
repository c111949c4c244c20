import { z } from 'zod';
import { frameCountOf } from './frames.ts';
import type { Problem } from './problem.ts';

const number = z.number().catch(Number.NaN);
const text = z.string().optional().catch(undefined);
const cue = z.object({ start: number, length: number }).catch({ start: Number.NaN, length: Number.NaN });
const track = z
  .object({ language: text, name: text, cues: z.array(cue).catch([]) })
  .catch({ language: undefined, name: undefined, cues: [] });
const loose = z.object({ subtitles: z.array(track).catch([]) }).catch({ subtitles: [] });

/** What subtitles get wrong together with the rest of the description. Takes any JSON value. */
export function subtitleProblems(json: unknown, video: { fps: number; duration: number }): Problem[] {
  const { subtitles } = loose.parse(json);
  const end = frameCountOf(video) / video.fps;
  const titles = subtitles.map(({ name, language }) => name ?? language);
  return subtitles.flatMap(({ cues }, index): Problem[] => {
    const title = titles[index];
    const again: Problem[] =
      title !== undefined && titles.indexOf(title) < index
        ? [
            {
              path: ['subtitles', index, 'name'],
              message: `there are two called "${title}"; give each its own name`,
            },
          ]
        : [];
    const late = cues.flatMap(({ start }, n): Problem[] =>
      start >= end
        ? [
            {
              path: ['subtitles', index, 'cues', n, 'start'],
              message: `the cue starts at ${start} s, but the video ends at ${Number(end.toFixed(3))} s; start it earlier or raise duration`,
            },
          ]
        : [],
    );
    return [...again, ...late];
  });
}
