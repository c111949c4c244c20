import type { Container } from './kind.ts';

/** An empty ISO BMFF box (ISO/IEC 14496-12 8.1.2): valid between and before all others, and every demuxer skips it. */
const freeBox = (): Uint8Array<ArrayBuffer> => Uint8Array.of(0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65);

/** A null packet (ISO/IEC 13818-1 2.4.3.2): sync byte, PID 0x1FFF, payload without a meaning. */
function nullPacket(): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(188).fill(0xff);
  packet.set([0x47, 0x1f, 0xff, 0x10]);
  return packet;
}

/**
 * Bytes that may stand before a segment any number of times and mean nothing: what a held answer is kept alive with. Undefined
 * for containers that have none (packed audio, JPEG, WebVTT); nor has any of them where a segment is encrypted as a whole.
 */
export function paddingOf(container: Container): Uint8Array<ArrayBuffer> | undefined {
  if (container === 'fmp4') return freeBox();
  return container === 'mpegts' ? nullPacket() : undefined;
}
