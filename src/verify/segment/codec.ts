import { type Box, inside, only, slice } from './boxes.ts';

const hex = (value: number, digits = 2): string => value.toString(16).padStart(digits, '0');
const two = (value: number): string => String(value).padStart(2, '0');

/** The codecs parameter of a sample entry (RFC 6381 3.3, ISO/IEC 14496-15, 14496-3); its four characters where the rest is not known. */
export function codecOf(entry: Box, type = entry.type): string {
  if (/^avc[134]$/.test(type)) {
    const avcC = only(inside(entry, 78), 'avcC').data;
    return `${type}.${[1, 2, 3].map((i) => hex(avcC.getUint8(i))).join('')}`;
  }
  if (type === 'hvc1' || type === 'hev1') return `${type}.${hevc(only(inside(entry, 78), 'hvcC').data)}`;
  if (type === 'av01') return av1(only(inside(entry, 78), 'av1C').data);
  if (type === 'vp09') {
    const { data } = only(inside(entry, 78), 'vpcC');
    return `vp09.${two(data.getUint8(4))}.${two(data.getUint8(5))}.${two(data.getUint8(6) >> 4)}`;
  }
  if (type === 'mp4a') {
    const esds = only(inside(entry, 28), 'esds').data;
    const config = audioConfig(slice(esds, 4, esds.byteLength));
    if (config !== undefined) return `mp4a.${config.objectType.toString(16)}.${config.audioObjectType}`;
  }
  return type;
}

/** Profile, compatibility, tier, level and constraints (ISO/IEC 14496-15 E.3). `data` has profile_tier_level from its second byte on, as hvcC. */
export function hevc(data: DataView): string {
  const first = data.getUint8(1);
  const space = ['', 'A', 'B', 'C'][first >> 6] ?? '';
  let compatibility = 0;
  for (let bit = 0; bit < 32; bit += 1) {
    if ((data.getUint32(2) >>> bit) & 1) compatibility += 2 ** (31 - bit);
  }
  const constraints = [6, 7, 8, 9, 10, 11].map((i) => data.getUint8(i));
  while (constraints.at(-1) === 0) constraints.pop();
  const tier = (first & 0x20) === 0 ? 'L' : 'H';
  const rest = constraints.map((byte) => `.${byte.toString(16)}`).join('');
  return `${space}${first & 31}.${compatibility.toString(16)}.${tier}${data.getUint8(12)}${rest}`;
}

function av1(data: DataView): string {
  const profile = data.getUint8(1) >> 5;
  const level = data.getUint8(1) & 31;
  const flags = data.getUint8(2);
  const high = (flags & 0x40) !== 0;
  const depth = high && (flags & 0x20) !== 0 ? 12 : high ? 10 : 8;
  return `av01.${profile}.${two(level)}${(flags & 0x80) === 0 ? 'M' : 'H'}.${two(depth)}`;
}

/** Finds the AudioSpecificConfig in the descriptors of `esds` (ISO/IEC 14496-1 7.2.6). */
function audioConfig(view: DataView): { objectType: number; audioObjectType: number } | undefined {
  let objectType: number | undefined;
  let at = 0;
  while (at + 2 <= view.byteLength) {
    const tag = view.getUint8(at);
    let size = 0;
    let more = true;
    at += 1;
    while (more) {
      const byte = view.getUint8(at);
      size = ((size << 7) | (byte & 0x7f)) >>> 0;
      more = (byte & 0x80) !== 0;
      at += 1;
    }
    // Of ES_Descriptor and DecoderConfigDescriptor only the fields are skipped: their content follows inside.
    if (tag === 3) at += 3;
    else if (tag === 4) {
      objectType = view.getUint8(at);
      at += 13;
    } else if (tag === 5 && objectType !== undefined) {
      const short = view.getUint8(at) >> 3;
      const long = 32 + ((view.getUint16(at) >> 5) & 63);
      return { objectType, audioObjectType: short === 31 ? long : short };
    } else at += size;
  }
  return undefined;
}
