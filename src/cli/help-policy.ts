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

/** What `segue policy --help` says after the options. */
export const policyHelp = `
  segue policy                             every setting, a line each
  segue policy get [VERSION]               the whole document, as YAML
  segue policy set FILE                    replaces it (YAML or JSON; - reads standard input)
  segue policy diff FILE                   what FILE would change (exit code 1: something, 2: not known)
  segue policy diff VERSION [VERSION]      what has changed since
  segue policy history                     who has set what, and when
  segue policy restore VERSION             sets it once more

Single settings are changed by NAME=VALUE. Every change holds for every node within two seconds:
  segue policy default.copy.what=everything
  segue policy replicas.mode=copy          a second node pulls each segment as it appears
  segue policy replicas.mode=on-trouble    only from nodes that drain, fail, or run out of disk
  segue policy --expect-trouble 10m        before a deployment: as if every node were in trouble

--json prints the policy as one object; set, diff and restore {differences: [{path, before, after}]}; history one object a
version: {version, author, note, createdAt}. docs/POLICY.md has rules to begin with.`;

/** What `segue explain --help` says after the options. */
export const explainHelp = `
VIDEO is an id, or the URL of a playlist. The node that holds most of the video says what it decides, and does.

--json prints {rule, what, because: [text], wouldChange: [text], node, version}.`;

/** What `segue copy --help` says after the options. */
export const copyHelp = `
Every node that holds something of it copies that, before everything else. What is not rendered yet is not.

--json prints {segments}: how many are on the way.`;

/** What `segue evict --help` says after the options. */
export const evictHelp = `
What another place has leaves, and what can be rendered again and nobody watches. Never the last copy of what nobody can make
again. Whoever asks for it later gets it from the bucket, or has it rendered again.

--json prints {segments, bytes}: what has left.`;

/** What `segue trace export --help` says after the options. */
export const traceHelp = `
Views of the last 32 days are kept. docs/SIMULATION.md describes trace files.

--json prints, with --output, {file, videos, views}; the trace itself is JSON lines anyway.`;
