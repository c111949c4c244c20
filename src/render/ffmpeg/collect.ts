import { aacFrameSamples, type SegmentWindow } from '../../grid/grid.ts';
import { FragmentReader } from '../../segment/fragment.ts';
import { malformed } from '../../segment/reader.ts';
import { concat } from '../../segment/writer.ts';
import { isStill, type Rendition } from '../rendition.ts';

/** Bytes of the largest AAC-LC stereo frame: 6144 bits a channel (ISO/IEC 14496-3, 4.5.3). */
const largestAacFrame = 1_536;

/** A reader for what the encoder of a track writes, bounded to several times what its rate control allows. */
export function trackReader(rendition: Rendition, window: SegmentWindow): FragmentReader {
  if (rendition.kind === 'audio') {
    const frames = window.sampleCount / aacFrameSamples + 8;
    return new FragmentReader({ maxBytes: frames * (largestAacFrame + 64) + 65_536, maxSamples: frames });
  }
  const seconds = (window.frameCount * window.frameRate.den) / window.frameRate.num;
  return new FragmentReader({
    maxBytes: Math.ceil(rendition.bandwidth * (seconds + 1)) + (4 << 20),
    maxSamples: isStill(rendition) ? 1 : window.frameCount + 1,
  });
}

/** Most bytes of one picture file: more than the largest size needs at any quality that is asked for. */
const mostPictureBytes = 32 << 20;

/** Collects one picture file. */
export class PictureReader {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** Takes the next bytes. @throws SegueError `render_failed` for more than any picture has */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > mostPictureBytes) throw malformed(`a picture of more than ${mostPictureBytes} bytes`);
    this.#chunks.push(chunk);
  }

  /** The file, once the stream has ended. */
  finish(): Uint8Array {
    return concat(this.#chunks);
  }
}
