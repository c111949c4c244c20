import type { Catalog } from '../../catalog/connect.ts';
import { demandHistories } from '../../catalog/demand.ts';
import type { Log } from '../../ops/log.ts';
import { startLoop } from '../../ops/loop.ts';
import { demandLearner, type Forecast } from '../../policy/forecast/learner.ts';

/** How videos of this deployment are watched, as learnt from all nodes' viewers. */
export interface LearntForecast extends Forecast, AsyncDisposable {}

/** It is learnt anew so often, in milliseconds: one query over the videos of the last months. */
const learnMs = 600_000;

/** Starts with nothing known, and learns at once. `onLearnt` is called whenever more is known. */
export function learnForecast(
  { catalog, log }: { readonly catalog: Catalog; readonly log: Log },
  onLearnt: () => void = () => undefined,
): LearntForecast {
  let learner: Forecast = demandLearner();
  const loop = startLoop(
    async () => {
      learner = demandLearner(await demandHistories(catalog.db));
      onLearnt();
      return 'idle';
    },
    { name: 'forecast', intervalMs: learnMs, log },
  );
  return {
    modelFor: (labels, now) => learner.modelFor(labels, now),
    [Symbol.asyncDispose]: () => loop.stop(),
  };
}
