/** FNV-1a over UTF-16 code units: spreads labels over 32 bits. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  }
  return state >>> 0;
}

/** One step of mulberry32 (public domain, Tommy Ettinger): 32 well mixed bits of a state. */
function mix(state: number): number {
  let bits = Math.imul(state ^ (state >>> 15), state | 1);
  bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
  return (bits ^ (bits >>> 14)) >>> 0;
}

const golden = 0x6d2b79f5;
const stateOf = (seed: number, labels: readonly (string | number)[]): number =>
  mix(
    (seed + golden + mix(hash(labels.map((label) => `${typeof label}:${label}`).join('\u0000')) + golden)) >>>
      0,
  );

/**
 * A number in [0, 1) that depends on the seed and the labels alone: what makes a frame a pure function although it
 * looks random. Label by what the number is for, and by frame or cell where it varies: `seededRandom(seed, 'star', n)`.
 */
export function seededRandom(seed: number, ...labels: (string | number)[]): number {
  return mix((stateOf(seed, labels) + golden) >>> 0) / 2 ** 32;
}

/** A source of numbers in [0, 1), as `Math.random` would give them: the same sequence for the same seed and labels. */
export function seededSequence(seed: number, ...labels: (string | number)[]): () => number {
  let state = stateOf(seed, labels);
  return () => {
    state = (state + golden) >>> 0;
    return mix(state) / 2 ** 32;
  };
}
