import { type OpenAPIHono, z } from '@hono/zod-openapi';
import { SegueError } from '../src/ops/errors.ts';
import { pricesOf } from '../src/policy/document/prices.ts';
import { policySchema } from '../src/policy/policy.ts';
import { maxPolicyLength, readPolicyText } from '../src/policy/read.ts';
import type { Comparison, Result } from '../src/simulate/compare.ts';
import { dryRun, dryRunBounds } from '../src/simulate/dry-run.ts';
import { traceOf } from '../src/simulate/trace-file.ts';
import { readText } from './body-text.ts';
import { caching } from './headers.ts';
import { adminOnly } from './identity.ts';
import { adminScheme, errorResponses } from './openapi.ts';
import type { RequestVariables, Service } from './service.ts';

const path = '/v1/policy/simulate';

const hoursSchema = z.coerce.number<string>().pipe(z.int().min(1).max(168)).default(24);

const figureSchema = z.object({
  name: z.string(),
  unit: z.enum(['bytes', 'seconds', 'count', 'money']),
  now: z.number().describe('With the policy in force'),
  edited: z.number().describe('With the policy of the body'),
});
const answerSchema = z
  .object({
    hours: z.int(),
    videos: z.int(),
    views: z.int(),
    optimum: z.number().describe('Money a month of whoever knows the future'),
    figures: z.array(figureSchema),
    exposure: z
      .array(z.object({ at: z.number(), now: z.number(), edited: z.number() }))
      .describe(
        'Seconds of media whose only copy is one node, over time; `at` in seconds after the beginning',
      ),
  })
  .openapi('DryRun');
type Answer = z.output<typeof answerSchema>;

/** What is compared, in the order in which people ask for it. */
const figures: readonly (readonly [string, Answer['figures'][number]['unit'], (result: Result) => number])[] =
  [
    ['Money a month', 'money', ({ moneyPerMonth }) => moneyPerMonth],
    ['Bucket requests', 'count', ({ bucketRequests }) => bucketRequests],
    ['Stored in the bucket', 'bytes', ({ gbStored }) => gbStored * 1e9],
    ['Moved to the bucket', 'bytes', ({ gbMoved }) => gbMoved * 1e9],
    ['CPU for copying', 'seconds', ({ cpuSecondsCopying }) => cpuSecondsCopying],
    ['CPU for rendering again', 'seconds', ({ cpuSecondsRenderingAgain }) => cpuSecondsRenderingAgain],
    ['Exposure, on average', 'seconds', ({ exposureMean }) => exposureMean],
    ['Exposure, at most', 'seconds', ({ exposureMost }) => exposureMost],
    ['Viewers interrupted', 'count', ({ viewersInterrupted }) => viewersInterrupted],
    ['Cold starts', 'count', ({ coldStarts }) => coldStarts],
  ];

/** Nobody waits longer for a dry run, in milliseconds. */
const mostMs = 60_000;

/** `POST /v1/policy/simulate`: what the demand of the last hours would have come to under a policy, beside the one in force. */
export function dryRunRoute(app: OpenAPIHono<{ Variables: RequestVariables }>, { ports }: Service): void {
  // It takes seconds of a processor: more than a Worker has.
  if (ports.runtime !== 'process') return;
  const { policies } = ports.catalog;
  app.use(path, adminOnly(ports.settings.adminToken, [path]));
  app.openAPIRegistry.registerPath({
    method: 'post',
    path,
    summary: 'Replays what was watched lately under a policy and under the one in force; changes nothing',
    security: [{ [adminScheme]: [] }],
    request: {
      query: z.object({ hours: hoursSchema }),
      body: { content: { 'application/json': { schema: policySchema } }, required: true },
    },
    responses: {
      200: {
        description: 'Both, figure by figure',
        content: { 'application/json': { schema: answerSchema } },
      },
      ...errorResponses(400, 401, 413, 429, 503),
    },
  });
  let isRunning = false;
  app.post(path, async (c) => {
    const edited = readPolicyText(await readText(c.req.raw, maxPolicyLength));
    const query = hoursSchema.safeParse(c.req.query('hours'));
    if (!query.success) {
      throw new SegueError(
        'invalid_request',
        `hours: ${c.req.query('hours')?.slice(0, 40)}: expected 1 to 168`,
      );
    }
    if (isRunning) {
      throw new SegueError('too_many_requests', 'A dry run goes on already', {
        hint: 'Ask again when it is over: it takes a minute at most.',
        retryable: true,
      });
    }
    isRunning = true;
    try {
      const hours = query.data;
      const to = ports.now();
      const lines = bounded(policies.trace(to - hours * 3_600_000, to));
      const [now, seen, trace] = await known(
        Promise.all([policies.current(), policies.seen(), traceOf(lines, 'what was watched')]),
      );
      const prices = pricesOf(now.policy.prices);
      const late = AbortSignal.timeout(mostMs);
      const signal = AbortSignal.any([c.req.raw.signal, late]);
      const both = [
        { name: 'now', policy: now.policy },
        { name: 'edited', policy: edited },
      ];
      c.header('cache-control', caching.never);
      const compared = await dryRun(trace, both, prices, { signal, seen }).catch((error: unknown) => {
        if (!late.aborted || error !== late.reason) throw error;
        throw tooMuch(`The dry run took longer than ${mostMs / 1000} s`);
      });
      return c.json(answerOf(compared, hours), 200);
    } finally {
      isRunning = false;
    }
  });
}

/** What the catalog does not answer is no fault of the request. @throws SegueError */
async function known<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof SegueError) throw error;
    throw new SegueError('catalog_unavailable', 'The catalog does not answer', { cause: error });
  }
}

const tooMuch = (message: string): SegueError =>
  new SegueError('too_large', message, {
    hint: 'Choose fewer hours (?hours=6); `segue trace export` and `segue simulate` take any.',
  });

/** No more is read than a dry run takes. @throws SegueError `too_large` */
async function* bounded(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let count = 0;
  for await (const line of lines) {
    count += 1;
    if (count > dryRunBounds.events + dryRunBounds.videos) {
      throw tooMuch('More was watched than a dry run takes');
    }
    yield line;
  }
}

function answerOf({ videos, views, optimumPerMonth, results }: Comparison, hours: number): Answer {
  const [now, edited] = results;
  if (now === undefined || edited === undefined) throw new Error('a dry run compares two policies');
  return {
    hours,
    videos,
    views,
    optimum: optimumPerMonth,
    figures: figures.map(([name, unit, of]) => ({ name, unit, now: of(now), edited: of(edited) })),
    exposure: now.samples.map(({ at, exposure }, index) => ({
      at,
      now: exposure,
      edited: edited.samples[index]?.exposure ?? 0,
    })),
  };
}
