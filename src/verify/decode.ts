import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FetchedRendition } from './rendition.ts';
import type { Findings } from './report.ts';
import { leadTrack } from './segment/facts.ts';

/** What came out of a decoder. */
interface Decoded {
  readonly frames: number;
  /** Bytes of 16 bit PCM. */
  readonly pcmBytes: number;
  readonly complaints: readonly string[];
  /** Complaints that were not kept. */
  readonly more: number;
  readonly channels: number;
}

const maxComplaints = 5;

/** Decodes a whole rendition as a player would, from its playlist, and compares what comes out with what the boxes say. */
export async function decodeAll(
  ffmpeg: string,
  rendition: FetchedRendition,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const { segments, playlist, place, url } = rendition;
  const track = leadTrack(segments.find(({ facts }) => facts !== undefined)?.facts);
  // I-frame playlists are a list of pictures, which ffmpeg cannot play.
  if (track === undefined || playlist.iframesOnly) return;
  const { kind } = track;
  if (kind !== 'video' && kind !== 'audio') return;
  const decoded = await decode(ffmpeg, url, kind, signal);
  const quoted = decoded.complaints.join(' | ');
  findings.expect(
    'decode.errors',
    place,
    decoded.complaints.length > 0 && `${decoded.complaints.length + decoded.more} complaints: ${quoted}`,
  );
  // Where a segment could not be read, or was not fetched, there is nothing to compare with.
  if (segments.length !== playlist.segments.length || segments.some(({ facts }) => facts === undefined))
    return;
  if (track.kind === 'video') {
    const samples = segments.reduce((total, { facts }) => total + (leadTrack(facts)?.samples ?? 0), 0);
    findings.expect(
      'decode.frames',
      place,
      decoded.frames !== samples && `${samples} samples, ${decoded.frames} frames`,
    );
    return;
  }
  // Only fMP4 says how many samples there are.
  if (track.sampleRate === 0 || segments.some(({ facts }) => facts?.container !== 'fmp4')) return;
  const units = segments.reduce((total, { facts }) => total + (leadTrack(facts)?.duration ?? 0), 0);
  const expected = Math.round((units / track.timescale) * track.sampleRate);
  const samples = decoded.pcmBytes / (2 * decoded.channels);
  findings.expect(
    'decode.samples',
    place,
    samples !== expected && `${expected} samples by duration, ${samples} decoded`,
  );
}

/** Runs ffmpeg over one playlist: one line a decoded frame comes out, with its size in bytes (framecrc). */
async function decode(
  ffmpeg: string,
  url: string,
  kind: 'video' | 'audio',
  signal: AbortSignal,
): Promise<Decoded> {
  const channels = 2;
  const output =
    kind === 'video'
      ? ['-map', '0:v:0', '-vsync', '0', '-c:v', 'rawvideo']
      : ['-map', '0:a:0', '-c:a', 'pcm_s16le', '-ac', String(channels)];
  const input = [
    '-nostdin',
    '-hide_banner',
    '-v',
    'error',
    '-protocol_whitelist',
    'http,https,tcp,tls,crypto',
    '-i',
    url,
  ];
  const child = spawn(ffmpeg, [...input, ...output, '-f', 'framecrc', 'pipe:1'], {
    signal,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
  const counted = count(child.stdout);
  const complained = complaintsOf(child.stderr);
  const code = await ended;
  const { frames, pcmBytes } = await counted;
  const { kept, more } = await complained;
  if (code !== 0 && kept.length === 0) kept.push(`ffmpeg ended with ${code}`);
  return { frames, pcmBytes, complaints: kept, more, channels };
}

async function count(output: NodeJS.ReadableStream): Promise<{ frames: number; pcmBytes: number }> {
  let frames = 0;
  let pcmBytes = 0;
  for await (const line of createInterface({ input: output })) {
    if (line.startsWith('#')) continue;
    frames += 1;
    // stream, dts, pts, duration, size, checksum
    pcmBytes += Number(line.split(',')[4]);
  }
  return { frames, pcmBytes };
}

async function complaintsOf(output: NodeJS.ReadableStream): Promise<{ kept: string[]; more: number }> {
  const kept: string[] = [];
  let more = 0;
  for await (const line of createInterface({ input: output })) {
    // ffmpeg >= 5.1 says so of the option that older builds need.
    if (line.trim() === '' || line.includes('-vsync is deprecated')) continue;
    if (kept.length < maxComplaints) kept.push(line.trim().slice(0, 200));
    else more += 1;
  }
  return { kept, more };
}
