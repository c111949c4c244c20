/**
 * The whole environment of an ffmpeg process: nothing of Segue's own (secrets, proxies), and a locale in which numbers
 * have a decimal point; of SVT-AV1, which logs by itself, only errors.
 */
export const ffmpegEnvironment: Readonly<Record<string, string>> = {
  LC_ALL: 'C',
  AV_LOG_FORCE_NOCOLOR: '1',
  SVT_LOG: '1',
};
