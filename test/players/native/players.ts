import type { Player } from '../player.ts';
import { ffmpegAtOnce, ffmpegRealTime } from './ffmpeg.ts';
import { gstreamerNew, gstreamerOld } from './gstreamer.ts';
import { mpv } from './mpv.ts';
import { vlc } from './vlc.ts';

/** The programs of the player matrix. */
export const nativePlayers: readonly Player[] = [
  ffmpegAtOnce,
  ffmpegRealTime,
  mpv,
  vlc,
  gstreamerNew,
  gstreamerOld,
];
