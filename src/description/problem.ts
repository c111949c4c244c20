/** A problem of a description: where, and what is wrong with the way out. */
export interface Problem {
  path: readonly PropertyKey[];
  message: string;
}
