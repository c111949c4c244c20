/** Frames a second as an exact fraction: 25/1, 30000/1001. */
export interface FrameRate {
  readonly num: number;
  readonly den: number;
}
