/** A gray of this brightness, 0 to 255. */
export function gray(value: number): string {
  return `rgb(${value}, ${value}, ${value})`;
}
