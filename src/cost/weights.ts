/**
 * CPU seconds for one unit of each kind of work, as measured on the machine that Segue was made on; nodes calibrate them to theirs.
 * Units are million pixels times frames unless it says otherwise.
 */
export const defaultWeights = {
  /** An ffmpeg process, until it begins to work: it does not count that itself. */
  start: 0.065,
  /** Seconds of sound, encoded. */
  sound: 0.037,
  /** An output, to set up. */
  output: 0.022,
  /** An encoder that takes long to begin by itself. */
  'begin:libx265': 0.03,
  'begin:libsvtav1': 0.11,
  /** Pixels of the described frame: joined, converted, handed on. */
  canvas: 0.0055,
  /** Pixels of the frame for each rendition that is smaller. */
  scale: 0.0031,
  /** A picture of a still rendition, in million pixels. */
  still: 0.03,
  libx264: 0.0013,
  libx265: 0.01,
  libsvtav1: 0.0105,
  'detail:libx264': 0.0056,
  'detail:libx265': 0.062,
  'detail:libsvtav1': 0.039,
  'noise:libx264': 0.0146,
  'noise:libx265': 0.068,
  'noise:libsvtav1': 0.109,
  /** A picture that is put over others, to set up. */
  layer: 0.017,
  /** A file, to open. */
  input: 0.0175,
  /** Pixels of a layer that lies over another. */
  overlay: 0.0002,
  /** Pixels of a video file, decoded. */
  decode: 0.0006,
  /** Million bytes of video files, decoded. */
  bytes: 0.087,
  /** Million pixels of an image file. */
  image: 0.0009,
  gradient: 0.0004,
  drift: 0.0018,
  bars: 0.0001,
  color: 0.0001,
  testcard: 0.01,
  plasma: 0.0074,
  waves: 0.005,
  life: 0.0039,
  mandelbrot: 0.009,
  static: 0.0004,
  checker: 0.0004,
  video: 0.0043,
  picture: 0.0006,
  text: 0.003,
  /** Lines of text times frames. */
  line: 0.0004,
  /** The process of a module, to begin. */
  host: 0.68,
  module: 0.016,
  /** Million pixels that the node itself paints. */
  painted: 0.03,
  /** Million cells of life times generations, by the node itself. */
  cells: 0.01,
  /** Seconds of a voice, mixed by the node itself. */
  voice: 0.003,
  /** Seconds of sound of a file, decoded once for the whole video. */
  decoded: 0.005,
} as const;

/** A kind of work with a weight of its own. */
export type Kind = keyof typeof defaultWeights;

/** Kinds that the node does by itself, or once and apart from segments: nobody measures them. */
export const ownKinds: ReadonlySet<string> = new Set<Kind>(['start', 'painted', 'cells', 'voice', 'decoded']);

const isKind = (kind: string): kind is Kind => Object.hasOwn(defaultWeights, kind);

/** CPU seconds for a unit of a kind: of a module (`module:` and its name) that of all modules; 0 for what is not known. */
export function defaultWeight(kind: string): number {
  if (kind.startsWith('module:')) return defaultWeights.module;
  return isKind(kind) ? defaultWeights[kind] : 0;
}

/** Names of parts of a cost, for people, and the kinds in them. What draws something is called by what it draws. */
const parts: readonly (readonly [name: string, kinds: readonly Kind[]])[] = [
  ['encoding', ['start', 'sound', 'output', 'canvas', 'scale', 'still', 'libx264', 'libx265', 'libsvtav1']],
  ['encoding', ['begin:libx265', 'begin:libsvtav1']],
  ['encoding', ['detail:libx264', 'detail:libx265', 'detail:libsvtav1']],
  ['encoding', ['noise:libx264', 'noise:libx265', 'noise:libsvtav1']],
  ['laying clips over each other', ['layer', 'overlay']],
  ['reading files', ['input', 'decode', 'bytes', 'image', 'decoded']],
  ['painting and mixing', ['painted', 'cells', 'voice']],
  ['running the module', ['host', 'module']],
  ['drawing text', ['line']],
];

const partNames = new Map<string, string>(
  parts.flatMap(([name, kinds]) => kinds.map((kind) => [kind, name] as const)),
);

/** What people call the part of a cost that a kind of work belongs to. */
export function partOf(kind: string): string {
  const known = kind.startsWith('module:') ? 'module' : kind;
  return partNames.get(known) ?? `drawing ${kind}`;
}

/** How much an encoder has to do for what is shown, against the most restless of all but noise, which is a kind of work by itself. */
export const detailOf = {
  color: 0,
  bars: 0.02,
  gradient: 0.04,
  drift: 0.04,
  mandelbrot: 0.92,
  life: 0.27,
  picture: 0.065,
  checker: 0.22,
  text: 0.33,
  module: 0.33,
  waves: 1,
  video: 0.4,
  plasma: 1,
  testcard: 0.2,
  static: 0,
} as const satisfies Partial<Record<Kind, number>>;

/** What a clip shows, as far as its cost depends on it. */
export type Look = Exclude<keyof typeof detailOf, 'module'>;
