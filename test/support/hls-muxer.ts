import { findFfmpeg } from '../../src/render/ffmpeg/find.ts';

const { version } = await findFfmpeg();

/** The build of 2018 that comes with npm calls itself `N-47683`. */
/** Why streams with audio groups cannot be produced here, to be printed; undefined where they can. */
export const noAudioGroups: string | undefined = version.startsWith('N-')
  ? `skipped: the HLS muxer of ffmpeg ${version} crashes over audio groups; install a current one`
  : undefined;

if (noAudioGroups !== undefined) process.stderr.write(`audio groups: ${noAudioGroups}\n`);
