import { seededRandom } from '../../src/description/random.ts';

/** Files that the descriptions of {@link varied} use, by name. */
export const fileNames = ['clip.mp4', 'tall.mp4', 'photo.jpg', 'art.png', 'sound.wav'] as const;

/** What a generated description looks like before it is parsed, and the profile to make it with. */
export interface Varied {
  readonly profile: string;
  readonly json: object;
}

const sizes = [
  [320, 180],
  [640, 360],
  [480, 854],
  [1280, 720],
  [1280, 720],
  [1080, 1080],
  [1920, 1080],
  [2560, 1440],
] as const;
const looks = [
  'color',
  'gradient',
  'drift',
  'image',
  'video',
  'bars',
  'testcard',
  'plasma',
  'waves',
  'life',
  'mandelbrot',
  'static',
  'checker',
  'text',
  'timecode',
] as const;

/** Draws for one description, each from its own name. */
function drawing(seed: number, index: number) {
  let drawn = 0;
  const next = (): number => {
    drawn += 1;
    return seededRandom(seed, 'varied', index, drawn);
  };
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  return { next, pick };
}

type Drawing = ReturnType<typeof drawing>;

const color = ({ next }: Drawing): string =>
  `#${Math.floor(next() * 0xff_ff_ff)
    .toString(16)
    .padStart(6, '0')}`;

function shown(look: string, draw: Drawing): object {
  const { pick } = draw;
  switch (look) {
    case 'color':
      return { type: 'color', color: color(draw) };
    case 'gradient':
      return { type: 'gradient', colors: [color(draw), color(draw)] };
    case 'drift':
      return { type: 'gradient', colors: [color(draw), color(draw)], motion: 'drift' };
    case 'image':
      return { type: 'image', src: `file:${pick(['photo.jpg', 'art.png'])}` };
    case 'video':
      return { type: 'video', src: `file:${pick(['clip.mp4', 'tall.mp4'])}`, loop: true };
    case 'text':
      return {
        type: 'text',
        text: pick(['Hello', 'A line that is read\nand another']),
        size: pick([0.05, 0.15]),
      };
    case 'timecode':
      return { type: 'timecode' };
    default:
      return { type: 'pattern', pattern: look, cells: pick([4, 8, 32]), speed: pick([0.5, 1, 3]) };
  }
}

/** Description number `index` of a set: sizes, rates, looks, layers, sounds and profiles at random, some seconds long. */
export function varied(seed: number, index: number): Varied {
  const draw = drawing(seed, index);
  const { next, pick } = draw;
  const [width, height] = pick(sizes);
  const duration = width * height > 1_500_000 ? 0.6 : 1.4;
  const tracks: object[] = [];
  if (next() < 0.85) {
    const asset = shown(pick(looks.slice(0, 13)), draw);
    tracks.push({ clips: [{ start: 0, length: duration, asset, fit: 'cover' }] });
  }
  for (let count = pick([0, 0, 1, 1, 2, 3, 6]); count > 0; count -= 1) {
    const place = {
      scale: pick([0.2, 0.5, 0.8]),
      position: { x: 0.2 + 0.6 * next(), y: 0.2 + 0.6 * next() },
    };
    const clip = { start: duration / 4, length: duration / 2, asset: shown(pick(looks), draw), ...place };
    tracks.push({ clips: [{ ...clip, opacity: pick([1, 1, 0.7]) }] });
  }
  for (let count = pick([0, 1, 3]); count > 0; count -= 1) {
    const asset = pick([
      { type: 'tone' },
      { type: 'noise' },
      { type: 'audio', src: 'file:sound.wav', loop: true },
    ]);
    tracks.push({ clips: [{ start: 0, length: duration, asset, volume: 0.2 }] });
  }
  const size = { width, height };
  const fps = pick([24, 25, 30, 50, 60]);
  const profile = pick(['default', 'default', 'ladder', 'hevc', 'av1']);
  if (next() < 0.1)
    return {
      profile,
      json: { segue: 1, kind: 'module', module: 'orbits', size, fps, duration, seed: index },
    };
  return { profile, json: { segue: 1, kind: 'timeline', size, fps, duration, seed: index, tracks } };
}
