import { setImmediate } from 'node:timers/promises';
import { seededSequence } from '../../description/random.ts';
import type { Yuv } from './color.ts';
import { frameBytes, type Size } from './raster.ts';

/** A torus of cells, each 0 or 1, row by row. */
export interface World {
  readonly columns: number;
  readonly rows: number;
  readonly cells: Uint8Array;
}

/** Generations after which the pattern begins anew, so that no frame costs more than these to reach. */
export const generations = 512;
/** Generations a second at speed 1. */
export const generationRate = 8;
/** Share of cells that live at first. */
const density = 0.35;
/** Generations computed before other work of the process gets its turn. */
const generationsAtOnce = 16;

/** Generation 0: drawn from the seed and the clip's label. */
export function firstWorld(columns: number, rows: number, seed: number, label: string): World {
  const next = seededSequence(seed, 'life', label);
  return {
    columns,
    rows,
    cells: Uint8Array.from({ length: columns * rows }, () => (next() < density ? 1 : 0)),
  };
}

/** The next generation of Conway's game of life (B3/S23). */
export function nextWorld({ columns, rows, cells }: World): World {
  const next = new Uint8Array(cells.length);
  for (let row = 0; row < rows; row += 1) {
    const above = ((row + rows - 1) % rows) * columns;
    const here = row * columns;
    const below = ((row + 1) % rows) * columns;
    for (let column = 0; column < columns; column += 1) {
      const left = (column + columns - 1) % columns;
      const right = (column + 1) % columns;
      const at = (index: number) => cells[index] ?? 0;
      const neighbours =
        at(above + left) +
        at(above + column) +
        at(above + right) +
        at(here + left) +
        at(here + right) +
        at(below + left) +
        at(below + column) +
        at(below + right);
      next[here + column] = neighbours === 3 || (neighbours === 2 && at(here + column) === 1) ? 1 : 0;
    }
  }
  return { columns, rows, cells: next };
}

/** Generation shown at a frame of the clip. */
export function generationAt(frame: number, fps: number, speed: number): number {
  return Math.floor((frame * generationRate * speed) / fps + 1e-9) % generations;
}

/** Size of the frames of {@link livingFrames}: two pixels a cell, which 4:2:0 wants. */
export const livingSize = ({ columns, rows }: { columns: number; rows: number }): Size => ({
  width: 2 * columns,
  height: 2 * rows,
});

function drawn(world: World, dead: Yuv, alive: Yuv): Uint8Array {
  const { columns, rows, cells } = world;
  const size = livingSize(world);
  const bytes = new Uint8Array(frameBytes(size));
  const count = columns * rows;
  for (let index = 0; index < count; index += 1) {
    const color = cells[index] === 1 ? alive : dead;
    const corner = 2 * Math.floor(index / columns) * size.width + 2 * (index % columns);
    bytes.fill(color.y, corner, corner + 2);
    bytes.fill(color.y, corner + size.width, corner + size.width + 2);
    bytes[4 * count + index] = color.u;
    bytes[5 * count + index] = color.v;
  }
  return bytes;
}

/** The yuv420p frames of a clip from frame `from` of it up to `to`, in the colours given. Pure: always counted from generation 0. */
export async function* livingFrames(
  first: World,
  [dead, alive]: readonly [Yuv, Yuv],
  { from, to, fps, speed }: { from: number; to: number; fps: number; speed: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let [world, generation] = [first, 0];
  let picture = drawn(world, dead, alive);
  for (let frame = from; frame < to; frame += 1) {
    const wanted = generationAt(frame, fps, speed);
    if (wanted !== generation) {
      if (wanted < generation) [world, generation] = [first, 0];
      for (; generation < wanted; generation += 1) {
        if (generation % generationsAtOnce === 0) await setImmediate(undefined, { signal });
        world = nextWorld(world);
      }
      picture = drawn(world, dead, alive);
    }
    yield picture;
  }
}
