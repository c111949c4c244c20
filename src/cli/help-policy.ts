/** What `segue simulate --help` says after the options. */
export const simulateHelp = `
Replays demand in virtual time against policies, by the same decisions as nodes take, and bills all of them by the same
prices: those of the first policy. "optimum" is what whoever knows the future would pay; nobody can do better.

  exposure      media whose only copy is one node: mean over time, and the most
  interrupted   viewers who had to wait for something to be rendered again while they watched
  cold starts   views that began with something that had to be rendered again
  CPU s again   CPU seconds of rendering what had been rendered before

docs/SIMULATION.md describes trace files, workloads, the model of cost, and what it leaves out.

--json prints one object for each trace: {version: 1, trace, days, videos, views, optimumPerMonth, optimumRenderingPerMonth,
results: [{policy, moneyPerMonth, timesOptimum, billPerMonth, bucketRequests, gbStored, gbMoved, cpuSecondsCopying,
cpuSecondsRenderingAgain, exposureMean, exposureMost, viewersInterrupted, coldStarts, samples: [{at, exposure, stored,
disk, money}]}]}. Times in seconds, stored and disk in bytes. Fields may be added.`;
