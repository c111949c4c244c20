import { aacFrameSamples, sampleRate } from '../../grid/grid.ts';
import type { AudioRendition } from '../rendition.ts';
import { options } from './options.ts';
import { containerOverhead } from './rate.ts';

/** The audio rendition: AAC-LC stereo at 48 kHz of this many bits/s. */
export function aacRendition(name: string, bitRate: number): AudioRendition {
  return {
    kind: 'audio',
    container: 'fmp4',
    name,
    codecs: 'mp4a.40.2',
    bandwidth: Math.ceil(bitRate * 1.25) + containerOverhead,
    averageBandwidth: bitRate,
    timescale: sampleRate,
    sampleDuration: aacFrameSamples,
    encoderArgs: options({
      'c:a': 'aac',
      'profile:a': 'aac_low',
      'b:a': bitRate,
      ar: sampleRate,
      ac: 2,
      // Noise substitution draws from a generator whose state would differ from encoder to encoder.
      aac_pns: 0,
    }),
  };
}
