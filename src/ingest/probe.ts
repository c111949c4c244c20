import type { Container } from '../rendition/kind.ts';
import type { Probed } from './describe.ts';
import { probeInit } from './probe-fmp4.ts';
import { probePacked, probeTs } from './probe-ts.ts';

/** What the first segment of a rendition, or its init segment, shows. What is encrypted shows nothing. */
export function probe(
  container: Container,
  segment: Uint8Array,
  init: Uint8Array | undefined,
): Probed | undefined {
  switch (container) {
    case 'fmp4':
      return init === undefined ? undefined : probeInit(init);
    case 'mpegts':
      return probeTs(segment);
    case 'packed':
      return probePacked(segment);
    case 'jpeg':
    case 'webvtt':
      return undefined;
  }
}
