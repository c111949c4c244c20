import type { LocalAsset } from '../../asset/asset.ts';
import { clipFrames } from '../../description/frames.ts';
import type { PinnedClip, PinnedTimeline } from '../../description/schema.ts';
import type { SegmentWindow } from '../../grid/grid.ts';
import { loopFrames, loopLength } from './file-picture.ts';
import { filter, type Graph } from './graph.ts';
import { mixed } from './mix.ts';
import { keyOf } from './noise.ts';
import { overlapOf, type Span } from './span.ts';
import { fadesOf, type Voice, type VoiceSource } from './voice.ts';

/** What finds the files of a timeline: the SHA-256 as 64 hex digits. */
export type FindAsset = (sha256: string) => LocalAsset;

/** The file of an asset whose `src` is pinned. */
export const fileOf = (asset: { readonly src: string }, find: FindAsset): LocalAsset =>
  find(asset.src.replace(/^sha256:/, ''));

interface Hearing {
  readonly find: FindAsset;
  readonly fps: number;
  readonly seed: number;
  readonly sampleRate: number;
}

function sourceOf(
  clip: PinnedClip,
  label: string,
  { find, fps, seed, sampleRate }: Hearing,
): VoiceSource | undefined {
  const { asset } = clip;
  switch (asset.type) {
    case 'tone':
      return { kind: 'tone', frequency: asset.frequency, waveform: asset.waveform };
    case 'noise':
      return { kind: 'noise', key: keyOf(seed, label) };
    case 'video':
    case 'audio': {
      const local = fileOf(asset, find);
      if (local.audioPath === undefined) return undefined;
      const offset = Math.round(asset.from * sampleRate);
      const source = { kind: 'file' as const, path: local.audioPath, offset };
      if (!asset.loop) return source;
      const period =
        asset.type === 'video'
          ? loopFrames(local, asset.from, fps) * (sampleRate / fps)
          : Math.round(loopLength(local.facts.audio?.durationSeconds ?? 0, asset.from) * sampleRate);
      return { ...source, period };
    }
    case 'silence':
    case 'color':
    case 'gradient':
    case 'pattern':
    case 'image':
    case 'text':
    case 'timecode':
      return undefined;
  }
}

/** Everything heard in a span of samples. */
export function voicesOf(
  description: PinnedTimeline,
  find: FindAsset,
  span: Span,
  sampleRate: number,
): Voice[] {
  const { fps, seed } = description;
  const samplesAFrame = sampleRate / fps;
  return description.tracks.flatMap(({ clips }, trackIndex) =>
    clips.flatMap((clip, clipIndex) => {
      const frames = clipFrames(clip, fps);
      const heard = { from: frames.from * samplesAFrame, to: frames.to * samplesAFrame };
      if (clip.volume === 0 || overlapOf(heard, span) === undefined) return [];
      const source = sourceOf(clip, `${trackIndex}/${clipIndex}`, { find, fps, seed, sampleRate });
      if (source === undefined) return [];
      return [{ span: heard, gain: clip.volume, ...fadesOf(clip, sampleRate), source }];
    }),
  );
}

/**
 * Adds the pad `[a]`: the mixed sound of the window. It is mixed here and not by ffmpeg's filters, because those of 2018 and of
 * today differ in how they mix, and a sum of samples is exact by construction.
 */
export function addSound(
  graph: Graph,
  description: PinnedTimeline,
  find: FindAsset,
  window: SegmentWindow,
): void {
  const { sampleRate } = window;
  const span = { from: window.firstSample, to: window.firstSample + window.sampleCount };
  const voices = voicesOf(description, find, span, sampleRate);
  const shaped = [
    filter('aformat', { sample_fmts: 'fltp', sample_rates: sampleRate, channel_layouts: 'stereo' }),
    filter('atrim', { end_sample: window.sampleCount }),
    filter('asetpts', { expr: 'N/SR/TB' }),
  ];
  if (voices.length === 0) {
    graph.finish([], [filter('anullsrc', { r: sampleRate, cl: 'stereo' }), ...shaped], 'a');
    return;
  }
  const format = ['-f', 'f32le', '-ar', String(sampleRate), '-ac', '2'];
  const index = graph.feed(format, (signal) => mixed(voices, span, sampleRate, signal));
  graph.finish([`${index}:a:0`], shaped, 'a');
}
