import { z } from 'zod';

/** A colour, `#rrggbb`; kept in lower case so that equal descriptions have equal ids. */
export const colorSchema = z
  .string()
  .regex(/^#[0-9a-fA-F]{6}$/, { error: 'expected a colour such as "#1a2b3c"' })
  .toLowerCase()
  .describe('Colour, #rrggbb');

/** What a pinned `src` looks like: the content hash of the file. */
export const pinnedSrcPattern = /^sha256:[0-9a-f]{64}$/;

// Percent-decoding is left to nobody: `file:` takes the path as it is written, so `%2e%2e` is a folder of that name.
const filePattern = /^file:(?!\/)(?!(?:.*\/)?\.{1,2}(?:\/|$))[^\\\p{Cc}]*[^\\/\p{Cc}]$/u;
const webPattern = /^https?:\/\/[^\s\\@#\p{Cc}]+$/iu;

/** Where a file comes from: `file:relative/path` in an allowed folder, `http(s)://` on an allowed host, or `sha256:` once pinned. */
const srcSchema = z
  .string()
  .max(2048)
  .refine(
    (src) =>
      pinnedSrcPattern.test(src) || filePattern.test(src) || (webPattern.test(src) && URL.canParse(src)),
    {
      error:
        'expected "file:folder/name.mp4" (relative, without ".."), "https://host/path" (without user or #fragment) or "sha256:" and 64 hex digits',
    },
  )
  .describe('file:relative/path, http(s)://host/path or sha256:<64 hex>');

/** Text that is shown: no control characters but new lines. */
export const shownTextSchema = z
  .string()
  .min(1)
  .max(2000)
  .refine((value) => value.isWellFormed() && !/[^\P{Cc}\n]/u.test(value), {
    error: 'expected text without control characters (a new line is fine)',
  });

const lettering = {
  size: z
    .number()
    .min(0.005)
    .max(1)
    .default(0.08)
    .describe('Height of a line as a fraction of the frame height'),
  color: colorSchema.default('#ffffff'),
  align: z
    .enum(['left', 'center', 'right'])
    .default('center')
    .describe('How lines are aligned with each other'),
  outline: z
    .strictObject({
      color: colorSchema.default('#000000'),
      width: z.number().min(0).max(0.25).default(0.06).describe('Fraction of the text size'),
    })
    .optional(),
  background: z
    .strictObject({
      color: colorSchema.default('#000000'),
      opacity: z.number().min(0).max(1).default(0.5),
      padding: z.number().min(0).max(2).default(0.3).describe('Fraction of the text size'),
    })
    .optional(),
};
const fonts = ['sans', 'sans-bold', 'serif', 'mono'] as const;

const playback = {
  src: srcSchema,
  from: z.number().min(0).max(86_400).default(0).describe('Where in the file to begin, seconds'),
  loop: z
    .boolean()
    .default(false)
    .describe('Begin again at `from` when the file ends; otherwise the last frame stays, without sound'),
};

/** What a clip shows or sounds; told apart by `type`. */
export const clipAssetSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('color'), color: colorSchema }),
  z.strictObject({
    type: z.literal('gradient'),
    colors: z.array(colorSchema).min(2).max(4),
    angle: z
      .number()
      .min(0)
      .max(360)
      .default(0)
      .describe('Degrees clockwise; 0 is left to right, 90 top to bottom'),
    motion: z.enum(['none', 'drift']).default('none'),
  }),
  z.strictObject({
    type: z.literal('pattern'),
    pattern: z.enum(['bars', 'testcard', 'plasma', 'waves', 'life', 'mandelbrot', 'static', 'checker']),
    colors: z
      .tuple([colorSchema, colorSchema])
      .default(['#101820', '#f2aa4c'])
      .describe('Dark and light colour of plasma, waves, life and checker'),
    cells: z
      .int()
      .min(2)
      .max(128)
      .default(8)
      .describe('Cells (checker, life) or waves (plasma, waves) in the height of the frame'),
    speed: z.number().min(0).max(10).default(1).describe('1 is the usual speed, 0 stands still'),
  }),
  z.strictObject({ type: z.literal('image'), src: srcSchema }),
  z.strictObject({ type: z.literal('video'), ...playback }),
  z.strictObject({ type: z.literal('audio'), ...playback }),
  z.strictObject({
    type: z.literal('text'),
    text: shownTextSchema,
    font: z.enum(fonts).default('sans'),
    ...lettering,
  }),
  z.strictObject({ type: z.literal('timecode'), font: z.enum(fonts).default('mono'), ...lettering }),
  z.strictObject({
    type: z.literal('tone'),
    frequency: z.number().min(20).max(20_000).default(440).describe('Hz'),
    waveform: z.enum(['sine', 'square', 'triangle']).default('sine'),
  }),
  z.strictObject({ type: z.literal('noise') }),
  z.strictObject({ type: z.literal('silence') }),
]);

/** What a clip shows or sounds, with every default filled in. */
export type ClipAsset = z.output<typeof clipAssetSchema>;

/** The asset types that have sound and no picture. */
export const soundOnlyTypes: ReadonlySet<ClipAsset['type']> = new Set(['audio', 'tone', 'noise', 'silence']);
