import { seededRandom } from '../../description/random.ts';

/** A level, 0 to 1, at a point of a picture; x and y in heights of it, from its middle. */
export type Texture = (x: number, y: number) => number;

/** Waves of a texture. */
const waves = 5;

/** Soft hills: waves in all directions, about `cells` of them in the height. */
export function hills(cells: number, seed: number, label: string): Texture {
  const parts = Array.from({ length: waves }, (_, index) => {
    const random = (what: string) => seededRandom(seed, 'hills', label, what, index);
    const angle = (Math.PI * (index + random('angle'))) / waves;
    const frequency = 2 * Math.PI * cells * (0.5 + 0.7 * random('frequency'));
    return {
      x: Math.cos(angle) * frequency,
      y: Math.sin(angle) * frequency,
      phase: 2 * Math.PI * random('phase'),
    };
  });
  return (x, y) => {
    let sum = 0;
    for (const part of parts) sum += Math.sin(part.x * x + part.y * y + part.phase);
    return 0.5 + (0.5 * sum) / waves;
  };
}

/** Rings around a point near the middle, `cells` of them in the height. */
export function rings(cells: number, seed: number, label: string): Texture {
  const offset = (what: string) => 0.4 * (seededRandom(seed, 'rings', label, what) - 0.5);
  const [left, top] = [offset('x'), offset('y')];
  const frequency = 2 * Math.PI * cells;
  return (x, y) => 0.5 + 0.5 * Math.sin(frequency * Math.hypot(x - left, y - top));
}

/** Iterations after which a point counts as inside the set. */
const deepest = 140;

/** Places in the Mandelbrot set worth looking at, and the height of the view there. */
const views = [
  { x: -0.16, y: 1.0405, height: 0.03 },
  { x: -0.1011, y: 0.9563, height: 0.02 },
  { x: -0.5503, y: 0.6259, height: 0.02 },
  { x: 0.42884, y: -0.231345, height: 0.01 },
  { x: -0.235125, y: 0.827215, height: 0.008 },
] as const;

/** Escape times of the Mandelbrot set at a place drawn from the seed: 0 inside, otherwise bands of 0 to 1 again and again. */
export function mandelbrot(seed: number, label: string): Texture {
  const view = views[Math.floor(seededRandom(seed, 'mandelbrot', label) * views.length)] ?? views[0];
  return (left, top) => {
    const [x, y] = [view.x + left * view.height, view.y + top * view.height];
    let re = 0;
    let im = 0;
    let step = 0;
    for (; step < deepest && re * re + im * im < 64; step += 1) {
      const square = re * re - im * im;
      im = 2 * re * im + y;
      re = square + x;
    }
    if (step === deepest) return 0;
    // A fraction of a step, so that the bands run smoothly.
    const smooth = step + 1 - Math.log2(Math.log(re * re + im * im) / 2 / Math.LN2);
    return 0.02 + 0.98 * ((smooth / 24) % 1);
  };
}
