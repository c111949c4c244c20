/** Ages of a video at which the pace of its demand is told apart, in seconds: narrow at first, then ever wider. */
const edges = [0, 0.25, 0.5, 1, 2, 4, 8, 16, 24, 48, 96, 192, 384, 768, 1536].map((hours) => hours * 3600);

/** Into so many classes of age demand is sorted; the last one has no end. */
export const ageClasses = edges.length;

/** The class of an age in seconds. */
export function ageClassOf(age: number): number {
  let index = 0;
  while (index + 1 < edges.length && (edges[index + 1] ?? 0) <= age) index += 1;
  return index;
}

/** Ages of a class, in seconds: `[from, to)`. */
export const agesOf = (index: number): readonly [number, number] => [
  edges[index] ?? 0,
  edges[index + 1] ?? Number.POSITIVE_INFINITY,
];

/** How often a video of a kind is watched again, by its age: views a second in each class. */
export interface Curve {
  readonly rates: readonly number[];
  /** Views that an average video has had by the beginning of each class. */
  readonly sums: readonly number[];
}

/** A curve of given rates. */
export function curveOf(rates: readonly number[]): Curve {
  const sums: number[] = [];
  let sum = 0;
  for (let index = 0; index < ageClasses; index += 1) {
    sums.push(sum);
    const [from, to] = agesOf(index);
    if (Number.isFinite(to)) sum += (rates[index] ?? 0) * (to - from);
  }
  return { rates, sums };
}

/** Views a second of an average video of this age. */
export const rateAt = ({ rates }: Curve, age: number): number => rates[ageClassOf(age)] ?? 0;

/** Views that an average video has had by an age. */
export function viewsBy({ rates, sums }: Curve, age: number): number {
  const index = ageClassOf(age);
  return (sums[index] ?? 0) + (rates[index] ?? 0) * (age - (edges[index] ?? 0));
}
