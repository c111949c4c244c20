import { z } from 'zod';

/** Text that is shown for a while. Times in seconds from the start of the video. */
interface SubtitleCue {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** One choice of subtitles. */
export interface SubtitleTrack {
  /** Name in URLs: `subtitles`, or `subtitles1` and on for those that the description spells out. */
  readonly name: string;
  /** What people choose by. */
  readonly title: string;
  /** BCP 47. Undefined for the text of clips, whose language nobody knows. */
  readonly language: string | undefined;
  /** By start. */
  readonly cues: readonly SubtitleCue[];
}

const timed = { start: z.number(), length: z.number() };
const anyClip = z.object({
  ...timed,
  asset: z.object({ type: z.string(), text: z.string().optional() }),
});

/** Stored descriptions were validated when they were accepted; this reads the parts that subtitles are made of. */
const stored = z.object({
  tracks: z.array(z.object({ clips: z.array(anyClip) })).default([]),
  subtitles: z
    .array(
      z.object({
        language: z.string(),
        name: z.string().optional(),
        cues: z.array(z.object({ ...timed, text: z.string() })),
      }),
    )
    .optional(),
});

/**
 * The subtitles of a stored description: those that it spells out, otherwise the text that its clips show. A pure function of
 * the description, so nothing of them is ever lost.
 */
export function subtitleTracks(description: unknown): SubtitleTrack[] {
  const { tracks, subtitles } = stored.parse(description);
  if (subtitles !== undefined) {
    return subtitles.map(({ language, name, cues }, index) => ({
      name: `subtitles${index + 1}`,
      title: name ?? language,
      language,
      cues: inOrder(cues),
    }));
  }
  const cues = tracks.flatMap(({ clips }) =>
    clips.flatMap(({ start, length, asset }) =>
      asset.type === 'text' && asset.text !== undefined && /\S/.test(asset.text)
        ? [{ start, length, text: asset.text }]
        : [],
    ),
  );
  if (cues.length === 0) return [];
  return [{ name: 'subtitles', title: 'Text', language: undefined, cues: inOrder(cues) }];
}

function inOrder(cues: readonly { start: number; length: number; text: string }[]): SubtitleCue[] {
  return cues
    .map(({ start, length, text }) => ({ start, end: start + length, text }))
    .toSorted((a, b) => a.start - b.start);
}
