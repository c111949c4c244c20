import { z } from 'zod';
import { type ClipAsset, clipAssetSchema, colorSchema, shownTextSchema } from './clip-asset.ts';

export { type ClipAsset, soundOnlyTypes } from './clip-asset.ts';

/** Bounds of a description: every list, length and count has one. */
export const limits = {
  /** Tracks of a timeline. */
  tracks: 32,
  /** Clips of all tracks together. */
  clips: 1000,
  /** Clips that are seen or heard at the same moment: the number of inputs one ffmpeg process gets. */
  clipsAtOnce: 32,
  /** Seconds. */
  duration: { min: 0.2, max: 21_600 },
  width: { min: 16, max: 3840 },
  height: { min: 16, max: 2160 },
  /** Different files of one description. */
  files: 100,
  /** Seconds of a file that can be repeated: each repetition is an input of ffmpeg's. */
  shortestLoop: 0.2,
  /** Bytes of `params` as canonical JSON. */
  paramsBytes: 16_384,
  /** Nesting of `params`. */
  paramsDepth: 16,
  /** Tracks of subtitles, and cues of each. */
  subtitles: { tracks: 16, cues: 5000 },
} as const;

const evenPixels = ({ min, max }: { min: number; max: number }) =>
  z.int().min(min).max(max).multipleOf(2, { error: 'expected an even number of pixels' });

/** How a clip appears or leaves. `duration` in seconds, whole frames once pinned. */
const transitionSchema = z.strictObject({
  type: z
    .enum(['fade', 'slide-left', 'slide-right', 'slide-up', 'slide-down'])
    .describe('The direction in which the clip moves'),
  duration: z.number().gt(0).max(60),
});

/** One thing on a track. Fields of the picture mean nothing to an asset that is only heard, and the reverse. */
const clipSchema = z.strictObject({
  start: z
    .number()
    .min(0)
    .max(limits.duration.max)
    .default(0)
    .describe('Seconds from the start of the video'),
  length: z.number().gt(0).max(limits.duration.max).describe('Seconds'),
  asset: clipAssetSchema,
  in: transitionSchema.optional(),
  out: transitionSchema.optional(),
  position: z
    .strictObject({ x: z.number().min(-2).max(3).default(0.5), y: z.number().min(-2).max(3).default(0.5) })
    .default({ x: 0.5, y: 0.5 })
    .describe('Centre of the clip, as fractions of the frame from its top left corner'),
  scale: z
    .number()
    .min(0.01)
    .max(8)
    .default(1)
    .describe('Box of the clip as a fraction of the frame, both ways; multiplies the size of text'),
  fit: z
    .enum(['cover', 'contain', 'stretch'])
    .default('contain')
    .describe('How an image or video fills its box: cut to fill it, whole inside it, or out of proportion'),
  opacity: z.number().min(0).max(1).default(1),
  volume: z.number().min(0).max(4).default(1).describe('Linear gain'),
  fadeIn: z.number().min(0).max(60).default(0).describe('Seconds in which the sound rises'),
  fadeOut: z.number().min(0).max(60).default(0).describe('Seconds in which the sound falls'),
});

/** A layer. Later tracks lie over earlier ones; in a track, later clips over earlier ones. */
const trackSchema = z.strictObject({ clips: z.array(clipSchema).min(1).max(limits.clips) });

/** Text that players show over the picture if the viewer wants it. */
const subtitlesSchema = z.strictObject({
  language: z
    .string()
    .max(35)
    .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, {
      error: 'expected a language tag (BCP 47) such as "en" or "pt-BR"',
    }),
  name: z
    .string()
    .max(64)
    .regex(/^[^"\s\p{Cc}]([^"\p{Cc}]*[^"\s\p{Cc}])?$/u, {
      error: 'expected a name without quotes and without spaces at its ends',
    })
    .optional()
    .describe('What people choose by; the language if there is none'),
  cues: z
    .array(
      z.strictObject({
        start: z.number().min(0).max(limits.duration.max).describe('Seconds from the start of the video'),
        length: z.number().min(0.01).max(limits.duration.max).describe('Seconds'),
        text: shownTextSchema.regex(/\S/, { error: 'expected some text' }),
      }),
    )
    .max(limits.subtitles.cues),
});

const common = {
  $schema: z
    .string()
    .max(2048)
    .optional()
    .describe('Address of the JSON schema, for editors; not part of the video'),
  segue: z.literal(1).describe('Version of the description language'),
  size: z.strictObject({ width: evenPixels(limits.width), height: evenPixels(limits.height) }),
  fps: z.literal([24, 25, 30, 50, 60]).describe('Frames a second'),
  duration: z.number().min(limits.duration.min).max(limits.duration.max).describe('Seconds'),
  seed: z.int().min(0).max(0xffff_ffff).default(0).describe('Everything that varies is drawn from it'),
  // No default: a description without it keeps the canonical text, and so the id, that it had before there were any.
  subtitles: z
    .array(subtitlesSchema)
    .max(limits.subtitles.tracks)
    .optional()
    .describe('Subtitles to choose from; absent: the text of the text clips; []: none'),
};

/** A description whose picture and sound are clips on tracks. */
const timelineSchema = z.strictObject({
  ...common,
  kind: z.literal('timeline'),
  background: colorSchema.default('#000000'),
  tracks: z.array(trackSchema).max(limits.tracks),
});

/** A description whose picture and sound come from a module that the operator registered. */
const moduleSchema = z.strictObject({
  ...common,
  kind: z.literal('module'),
  module: z
    .string()
    .max(64)
    .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, { error: 'expected the name of a module: a-z, 0-9 and "-"' }),
  params: z.record(z.string(), z.unknown()).default({}).describe('What the module is told: any JSON object'),
  moduleSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hex digits' })
    .optional()
    .describe('Content hash of the module; filled in when the description is accepted'),
});

/** Description v1. What lies between fields (a clip inside the video, say) is checked by `parseDescription`. */
export const descriptionSchema = z.discriminatedUnion('kind', [timelineSchema, moduleSchema]);

/** How a clip appears or leaves. */
export type Transition = z.output<typeof transitionSchema>;
/** One thing on a track, with every default filled in. */
export type Clip = z.output<typeof clipSchema>;
/** A timeline with every default filled in. */
export type TimelineDescription = z.output<typeof timelineSchema>;
/** A module description with every default filled in. */
export type ModuleDescription = z.output<typeof moduleSchema>;
/** A valid description with every default filled in. */
export type Description = TimelineDescription | ModuleDescription;

/** A description as people write it. */
export type DescriptionInput = z.input<typeof descriptionSchema>;

/** A `src` that names content: `sha256:` and 64 hex digits. */
export type PinnedSrc = `sha256:${string}`;
/** An asset whose file, if it has one, is named by content. */
export type PinnedAsset = Pin<ClipAsset>;
type Pin<A> = A extends { src: string } ? Omit<A, 'src'> & { src: PinnedSrc } : A;
/** A clip whose asset is pinned; `start`, `length` and transition durations are whole frames. */
export type PinnedClip = Omit<Clip, 'asset'> & { asset: PinnedAsset };
/** A timeline whose files are all named by content, whose times are whole frames. */
export type PinnedTimeline = Omit<TimelineDescription, 'tracks' | '$schema'> & {
  tracks: { clips: PinnedClip[] }[];
};
/** A module description bound to one content of the module. */
export type PinnedModule = Omit<ModuleDescription, 'moduleSha256' | '$schema'> & { moduleSha256: string };
/** What is stored and rendered: every `src` is `sha256:`, every default is filled in, every time is whole frames. */
export type PinnedDescription = PinnedTimeline | PinnedModule;

/** Number of frames of a description: `duration` rounded to whole frames, at least 1. */
export const frameCountOf = (description: { duration: number; fps: number }): number =>
  Math.max(1, Math.round(description.duration * description.fps));
