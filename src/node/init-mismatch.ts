import { SegueError } from '../ops/errors.ts';

/** The encoder came with another codec configuration than the render's init segment: the render must be made anew. */
export class InitMismatch extends SegueError {
  constructor(rendition: string) {
    super('render_failed', `This node's encoder makes another init segment for ${rendition}`, {
      hint: 'Most often nodes have different ffmpeg builds, which cannot continue each other; the video is rendered anew.',
      retryable: false,
    });
  }
}
