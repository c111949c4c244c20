import type { CodecConfig } from './codec.ts';
import { ByteReader, malformed } from './reader.ts';

const hex = (value: number): string => value.toString(16);
const byte = (value: number): string => hex(value).padStart(2, '0');

/** `avc1.64001f` from an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1): profile, constraints, level. */
function avcString(record: ByteReader): string {
  record.skip(1);
  return `avc1.${Array.from(record.bytes(3), byte).join('')}`;
}

/** The bits of a 32-bit number in the other order. */
function reversed(bits: number): number {
  let result = 0;
  for (let index = 0; index < 32; index += 1) result = ((result << 1) | ((bits >>> index) & 1)) >>> 0;
  return result;
}

/** `hvc1.1.6.L93.90` from an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1 and annex E.3). */
function hevcString(record: ByteReader): string {
  record.skip(1);
  const profile = record.u8();
  const compatibility = reversed(record.u32());
  const constraints = Array.from(record.bytes(6), byte);
  while (constraints.at(-1) === '00') constraints.pop();
  const space = ['', 'A', 'B', 'C'][profile >> 6] ?? '';
  const level = `${(profile & 0x20) === 0 ? 'L' : 'H'}${record.u8()}`;
  return ['hvc1', `${space}${profile & 31}`, hex(compatibility), level, ...constraints].join('.');
}

/** `av01.0.05M.08` from an AV1CodecConfigurationRecord (AV1 in ISOBMFF, 2.3.3 and section 5). */
function av1String(record: ByteReader): string {
  if (record.u8() !== 0x81) throw malformed('an av1C of another version');
  const [profileAndLevel, rest] = [record.u8(), record.u8()];
  const level = String(profileAndLevel & 31).padStart(2, '0');
  const depth = (rest & 0x40) === 0 ? '08' : (rest & 0x20) === 0 ? '10' : '12';
  return `av01.${profileAndLevel >> 5}.${level}${(rest & 0x80) === 0 ? 'M' : 'H'}.${depth}`;
}

const videoStrings = { avc1: avcString, hvc1: hevcString, av01: av1String } as const;

/**
 * RFC 6381 codec string of a configuration: `avc1.64001f`, `hvc1.1.6.L93.90`, `av01.0.05M.08`, `mp4a.40.2`.
 * @throws SegueError `render_failed` for a record that is too short
 */
export function codecString(config: CodecConfig): string {
  if (config.kind === 'audio') return `mp4a.40.${config.objectType}`;
  return videoStrings[config.entry](new ByteReader(config.record));
}

/** The codec and everything but the level, and the level as a number. */
function withoutLevel(codecs: string): readonly [string, number] {
  const level = /^(avc1\.[0-9a-f]{4}|hvc1\..*\.[LH]|av01\.\d\.)([0-9a-f]{2}|\d+)(.*)$/.exec(codecs);
  if (level === null) return [codecs, 0];
  const [, before = '', number = '', after = ''] = level;
  return [`${before}*${after}`, Number.parseInt(number, before.startsWith('avc1') ? 16 : 10)];
}

/** Whether a decoder for what is announced decodes what was made: the same codec and profile, and no higher level. */
export function decodesAs(announced: string, made: string): boolean {
  const [kind, level] = withoutLevel(announced);
  const [madeKind, madeLevel] = withoutLevel(made);
  return kind === madeKind && madeLevel <= level;
}
