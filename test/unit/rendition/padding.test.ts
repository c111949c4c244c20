import { expect, test } from 'vitest';
import { paddingOf } from '../../../src/rendition/padding.ts';

test('padding is an empty box, a null packet, or nothing', () => {
  expect(paddingOf('fmp4')).toEqual(Uint8Array.of(0, 0, 0, 8, 102, 114, 101, 101));
  const packet = paddingOf('mpegts') ?? new Uint8Array();
  expect(packet).toHaveLength(188);
  // Sync byte; PID 0x1FFF; not scrambled, payload only.
  const [sync, high = 0, low = 0, flags] = packet;
  expect([sync, ((high & 0x1f) << 8) | low, flags]).toEqual([0x47, 0x1fff, 0x10]);
  expect([paddingOf('packed'), paddingOf('jpeg'), paddingOf('webvtt')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
