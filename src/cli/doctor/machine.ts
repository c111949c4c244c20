import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { limiter } from '../../ops/child-limits.ts';
import type { StackConfig } from '../../ops/config.ts';
import { holderOf } from '../../ops/folder-lock.ts';
import { findFfmpeg } from '../../render/ffmpeg/find.ts';
import { encodersOf, profileNamed } from '../../render/profile.ts';
import { profileNames } from '../../render/profile-names.ts';
import { isPortFree } from '../../stack/ports.ts';
import { check, type Finding, failure, ok, warning } from './check.ts';

const gigabyte = 1024 ** 3;

/** The Node.js that runs this. */
export function checkNode(version = process.versions.node): Finding {
  const major = Number(version.split('.')[0]);
  if (major >= 24) return ok('node', `Node.js ${version}`);
  return failure(
    'node',
    `Node.js ${version} is too old`,
    'Start through npm (npm start, npx segue …): it brings Node.js 24.',
  );
}

/** Which profiles an ffmpeg can make, and what it lacks for the others. */
function makeable(encoders: ReadonlySet<string>): string {
  const lacks = profileNames.map((name) => {
    const profile = profileNamed(name);
    const missing = profile === undefined ? [] : encodersOf(profile).filter((one) => !encoders.has(one));
    return { name, missing };
  });
  const makes = lacks.filter(({ missing }) => missing.length === 0).map(({ name }) => name);
  const others = lacks
    .filter(({ missing }) => missing.length > 0)
    .map(({ name, missing }) => `not ${name} (no ${missing.join(', ')})`);
  return [`makes ${makes.join(', ')}`, ...others].join(', ');
}

/** The ffmpeg that nodes will use. */
export function checkFfmpeg(ffmpegPath: string | undefined): Promise<Finding> {
  const hint = 'Install ffmpeg, or set FFMPEG_PATH to one with libx264 and aac.';
  return check('ffmpeg', hint, async (signal) => {
    const found = await findFfmpeg({ ffmpegPath }, signal);
    const text = `${found.version} at ${found.path} (from ${found.source}), ${makeable(found.encoders)}`;
    return found.warning === undefined ? ok('ffmpeg', text) : warning('ffmpeg', text, found.warning);
  });
}

/** Whether what renders can be kept from taking the machine. */
export function checkLimits(): Promise<Finding> {
  return check('limits', 'Install util-linux, which has prlimit.', async () => {
    const path = await limiter();
    if (path !== undefined)
      return ok('limits', `memory, CPU and files of ffmpeg and modules are bounded by ${path}`);
    return warning(
      'limits',
      'nothing bounds the memory and files of ffmpeg and modules but their time',
      'On Linux, install util-linux (prlimit), and run as a user whose own limits are not lower.',
    );
  });
}

/** The disk of the data folder: writable, synced in reasonable time, with room. */
export function checkDisk(folder: string): Promise<Finding> {
  return check(
    'disk',
    'Set SEGUE_DATA to a folder that this user may write, on a disk with room.',
    async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, `doctor.${process.pid}`);
      const begun = performance.now();
      const file = await open(path, 'w');
      try {
        await file.writeFile(Buffer.alloc(1 << 20));
        await file.sync();
      } finally {
        await file.close();
        await rm(path, { force: true });
      }
      const ms = Math.round(performance.now() - begun);
      const { bavail, bsize } = await statfs(folder);
      const free = (bavail * bsize) / gigabyte;
      const text = `${folder}: ${free.toFixed(1)} GB free, 1 MB written and synced in ${ms} ms`;
      if (free < 0.5) return failure('disk', text, 'Make room, or set SEGUE_DATA to another disk.');
      if (free < 5)
        return warning(
          'disk',
          text,
          'Make room: a minute of 720p takes about 20 MB, on each node and in the bucket.',
        );
      if (ms > 2000)
        return warning('disk', text, 'This disk is slow: segments are synced before anyone may play them.');
      return ok('disk', text);
    },
  );
}

/** The port that viewers will use. */
export function checkPort({ host, port, dataFolder }: StackConfig): Promise<Finding> {
  return check('port', 'Set HOST to an address of this machine.', async () => {
    if (port === 0) return ok('port', 'any free one (PORT=0)');
    if (await isPortFree(port, host)) return ok('port', `${host}:${port} is free`);
    const holder = await holderOf(dataFolder);
    if (holder !== undefined)
      return ok('port', `${host}:${port} is in use; segue up runs as process ${holder.pid}`);
    return failure(
      'port',
      `${host}:${port} is in use by another program`,
      `Choose another port: PORT=${port + 1}`,
    );
  });
}
