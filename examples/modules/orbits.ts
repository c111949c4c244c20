/**
 * Orbits: planets on glowing rings, each with a voice of its own. An example of a video that is a program.
 *
 * How to write a module
 * - Put a file `name.ts` (or `.mjs`, `.js`, or a folder with an `index.ts`) into the folder that SEGUE_MODULES names, and
 *   start the node again. A description then asks for it: `{"kind": "module", "module": "name", "params": {...}, ...}`.
 * - Export `frame(n, context)`: draw frame n, counted from 0, on `context.ctx`, which is a canvas 2D context that is
 *   reset to opaque black before each frame. `context` also has canvas, width, height, fps, time (seconds), frameCount,
 *   duration, seed, params and random(...labels).
 * - Export `audio(from, to, context)` if it is to be heard: stereo samples from..to (to excluded) at 48 kHz, as one
 *   interleaved Float32Array (L R L R ...) or as [left, right], between -1 and 1.
 * - Keep both pure. Segue makes the video in pieces of a few seconds, in any order, on any machine, and any piece again:
 *   frame 700 must come out the same whether or not frame 699 was drawn before. Compute positions from the time instead
 *   of moving them; draw from `context.random('what', i)` instead of a clock; keep nothing between calls but caches.
 * - `params` comes from whoever wrote the description: check it.
 */
import type { AudioContext, FrameContext, ModuleContext } from '../../src/render/module/contract.ts';

interface Planet {
  /** Radius of the orbit, as a part of the smaller side of the frame. */
  readonly orbit: number;
  readonly size: number;
  /** Turns a second. */
  readonly speed: number;
  /** Part of a turn at time 0. */
  readonly phase: number;
  readonly hue: number;
  /** Hertz. */
  readonly pitch: number;
}

/** A pentatonic scale sounds well in any combination. */
const scale = [1, 9 / 8, 5 / 4, 3 / 2, 5 / 3] as const;

function planets(context: ModuleContext): Planet[] {
  const { planets: wanted, hue = 210 } = context.params;
  const count = typeof wanted === 'number' ? Math.min(12, Math.max(1, Math.round(wanted))) : 6;
  const first = typeof hue === 'number' ? hue : 210;
  return Array.from({ length: count }, (_, i) => ({
    orbit: 0.1 + (0.34 * (i + 1)) / count,
    size: 0.009 + 0.014 * context.random('size', i),
    speed: 0.32 / (i + 1.5) + 0.02 * context.random('speed', i),
    phase: context.random('phase', i),
    hue: first + 150 * context.random('hue', i),
    pitch: 110 * (scale[i % scale.length] ?? 1) * 2 ** Math.floor(i / scale.length),
  }));
}

const turn = 2 * Math.PI;

function stars({ ctx, width, height, time, random }: FrameContext): void {
  for (let i = 0; i < 160; i += 1) {
    const twinkle =
      0.5 + 0.5 * Math.sin(turn * (0.1 + 0.5 * random('rate', i)) * time + 9 * random('start', i));
    ctx.fillStyle = `rgba(220, 230, 255, ${0.1 + 0.5 * twinkle})`;
    const radius = (0.4 + 1.2 * random('star', i)) * (height / 720);
    ctx.beginPath();
    ctx.arc(width * random('x', i), height * random('y', i), radius, 0, turn);
    ctx.fill();
  }
}

function glow(ctx: FrameContext['ctx'], x: number, y: number, radius: number, hue: number): void {
  const light = ctx.createRadialGradient(x, y, 0, x, y, radius);
  light.addColorStop(0, `hsla(${hue}, 90%, 92%, 1)`);
  light.addColorStop(0.25, `hsla(${hue}, 85%, 65%, 0.9)`);
  light.addColorStop(1, `hsla(${hue}, 85%, 50%, 0)`);
  ctx.fillStyle = light;
  ctx.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
}

function planet({ ctx, width, height, time }: FrameContext, side: number, body: Planet): void {
  const radius = body.orbit * side;
  const angle = turn * (body.phase + body.speed * time);
  ctx.lineWidth = Math.max(1, side / 700);
  ctx.strokeStyle = `hsla(${body.hue}, 60%, 60%, 0.22)`;
  ctx.beginPath();
  ctx.arc(width / 2, height / 2, radius, 0, turn);
  ctx.stroke();
  // The trail: where the planet was, not what was drawn before.
  const steps = 28;
  for (let step = steps; step > 0; step -= 1) {
    const from = angle - (step / steps) * 1.1;
    ctx.strokeStyle = `hsla(${body.hue}, 90%, 65%, ${0.5 * (1 - step / steps) ** 2})`;
    ctx.lineWidth = body.size * side * (1.1 - step / steps);
    ctx.beginPath();
    ctx.arc(width / 2, height / 2, radius, from, from + 1.1 / steps);
    ctx.stroke();
  }
  const [x, y] = [width / 2 + radius * Math.cos(angle), height / 2 + radius * Math.sin(angle)];
  glow(ctx, x, y, body.size * side * 2.4, body.hue);
}

/** Draws frame n. */
export function frame(_n: number, context: FrameContext): void {
  const { ctx, width, height, time, params } = context;
  const side = Math.min(width, height);
  const sky = ctx.createRadialGradient(
    width / 2,
    height / 2,
    0,
    width / 2,
    height / 2,
    Math.hypot(width, height) / 2,
  );
  sky.addColorStop(0, '#16204a');
  sky.addColorStop(1, '#04050d');
  ctx.fillStyle = sky;
  ctx.fillRect(0, 0, width, height);
  stars(context);
  ctx.globalCompositeOperation = 'lighter';
  glow(ctx, width / 2, height / 2, side * (0.1 + 0.006 * Math.sin(turn * 0.5 * time)), 42);
  for (const body of planets(context)) planet(context, side, body);
  ctx.globalCompositeOperation = 'source-over';
  ctx.font = `${Math.round(side / 26)}px "DejaVu Sans"`;
  ctx.textAlign = 'center';
  ctx.fillStyle = 'rgba(230, 236, 255, 0.8)';
  ctx.fillText(
    typeof params['title'] === 'string' ? params['title'].slice(0, 80) : 'Orbits',
    width / 2,
    height * 0.95,
  );
}

/** Each planet hums at its pitch and rings softly each time it passes the top; where it is, there it is heard. */
export function audio(from: number, to: number, context: AudioContext): [Float32Array, Float32Array] {
  const left = new Float32Array(to - from);
  const right = new Float32Array(to - from);
  const bodies = planets(context);
  const gain = 0.5 / Math.sqrt(bodies.length);
  for (let at = from; at < to; at += 1) {
    const t = at / context.sampleRate;
    // In and out, so that the video neither begins nor ends with a click.
    const edge = Math.min(1, t / 0.5, Math.max(0, (context.duration - t) / 0.5));
    for (const { pitch, speed, phase } of bodies) {
      const place = phase + speed * t;
      const since = ((((place + 0.25) % 1) + 1) % 1) / speed;
      const hum = 0.25 * Math.sin(turn * pitch * t);
      const ring = Math.exp(-3 * since) * Math.min(1, since / 0.01) * Math.sin(turn * 2 * pitch * t);
      const pan = 0.5 + 0.4 * Math.cos(turn * place);
      const value = edge * gain * (hum + 0.6 * ring);
      left[at - from] = (left[at - from] ?? 0) + value * (1 - pan);
      right[at - from] = (right[at - from] ?? 0) + value * pan;
    }
  }
  return [left, right];
}
