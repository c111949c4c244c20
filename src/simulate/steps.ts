/** Long work in small steps: each gives how much is done, 0 to 1, and the last one the result. */
export type Steps<T> = Generator<number, T, void>;

/** Takes all steps at once. `onStep` hears how much is done. */
export function finish<T>(steps: Steps<T>, onStep: (done: number) => void = () => undefined): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    onStep(step.value);
  }
}

/** As {@link finish}, and lets others have their turn after each step. @throws the reason of `signal`, once it is aborted */
export async function finishInTurns<T>(
  steps: Steps<T>,
  {
    signal,
    onStep,
  }: { readonly signal?: AbortSignal | undefined; readonly onStep?: (done: number) => void } = {},
): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    const step = steps.next();
    if (step.done === true) return step.value;
    onStep?.(step.value);
    await new Promise<void>((resolve) => void setTimeout(resolve, 0));
  }
}

/** Steps that are the part `from` to `to` of a greater work. */
export function* within<T>(steps: Steps<T>, from: number, to: number): Steps<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield from + step.value * (to - from);
  }
}
