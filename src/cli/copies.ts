import { open } from 'node:fs/promises';
import { z } from 'zod';
import { SegueError } from '../ops/errors.ts';
import { explanationLines } from '../policy/explain.ts';
import { bytes as bytesWords, times } from '../policy/words.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { askAsAdmin, brokenOff, type ServiceAccess, serviceAccess, streamAsAdmin } from './service-access.ts';

/** Options of the commands about copies, as the command line gives them. */
export interface CopiesOptions {
  /** Print JSON. */
  readonly json?: boolean;
  readonly server?: string;
  readonly token?: string;
}

const explanationSchema = z.object({
  rule: z.string(),
  what: z.string(),
  because: z.array(z.string()),
  wouldChange: z.array(z.string()),
  node: z.string(),
  version: z.int(),
});
const queuedSchema = z.object({ segments: z.int() });
const evictedSchema = z.object({ segments: z.int(), bytes: z.number() });

/** Runs with access; what goes wrong is told. */
async function withAccess(
  options: CopiesOptions,
  output: Output,
  run: (access: ServiceAccess) => Promise<ExitCode>,
): Promise<ExitCode> {
  try {
    return await run(await serviceAccess(options));
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}

/** Id of a video: as it is, or out of its URL. */
const idOf = (video: string): string => encodeURIComponent(/\/v\/([^/]+)\//.exec(video)?.[1] ?? video);

/** `segue explain VIDEO`: what of it is copied, by which rule, from which figures, and what would change it. */
export const explain = (video: string, options: CopiesOptions, output: Output): Promise<ExitCode> =>
  withAccess(options, output, async (access) => {
    const found = await askAsAdmin(access, `/v1/videos/${idOf(video)}/explanation`, explanationSchema);
    if (options.json === true) output.out(JSON.stringify(found));
    else for (const line of explanationLines(found)) output.out(line);
    return 0;
  });

/** `segue copy VIDEO`: copies what exists of it to the bucket, whatever the policy says. */
export const copy = (video: string, options: CopiesOptions, output: Output): Promise<ExitCode> =>
  withAccess(options, output, async (access) => {
    const queued = await askAsAdmin(access, `/v1/videos/${idOf(video)}/copy`, queuedSchema, {
      method: 'POST',
    });
    const words = `${times(queued.segments, 'segment')} on the way to the bucket`;
    output.out(options.json === true ? JSON.stringify(queued) : words);
    return 0;
  });

/** Options of {@link evict}. */
export interface EvictOptions extends CopiesOptions {
  readonly node?: string;
  readonly bytes?: string;
}

/** `segue evict VIDEO` or `--node NODE`: takes what may go off disks. */
export const evict = (video: string | undefined, options: EvictOptions, output: Output): Promise<ExitCode> =>
  withAccess(options, output, async (access) => {
    if ((video === undefined) === (options.node === undefined))
      throw new SegueError('configuration', 'segue evict needs either a video or --node');
    const bytes = options.bytes === undefined ? undefined : Number(options.bytes);
    if (bytes !== undefined && !(bytes >= 0))
      throw new SegueError('configuration', `--bytes ${options.bytes} is no number of bytes`);
    const path =
      video === undefined
        ? `/v1/nodes/${encodeURIComponent(options.node ?? '')}/evict`
        : `/v1/videos/${idOf(video)}/evict`;
    const body = JSON.stringify(video === undefined ? { bytes } : {});
    const gone = await askAsAdmin(access, path, evictedSchema, { method: 'POST', body });
    const words = `${times(gone.segments, 'segment')} gone, ${bytesWords(gone.bytes)}`;
    output.out(options.json === true ? JSON.stringify(gone) : words);
    return 0;
  });

/** Options of {@link exportTrace}. */
export interface TraceOptions extends CopiesOptions {
  readonly from?: string;
  readonly to?: string;
  readonly output?: string;
}

/** `segue trace export`: what was watched, as a trace file for `segue simulate`. */
export const exportTrace = (options: TraceOptions, output: Output): Promise<ExitCode> =>
  withAccess(options, output, async (access) => {
    const query = new URLSearchParams();
    for (const name of ['from', 'to'] as const) {
      const value = options[name];
      if (value === undefined) continue;
      if (!Number.isFinite(Date.parse(value)))
        throw new SegueError('configuration', `--${name} ${value} is no time`, {
          hint: 'As in 2026-01-05T00:00:00Z.',
        });
      query.set(name, new Date(value).toISOString());
    }
    const file = options.output === undefined ? undefined : await open(options.output, 'w');
    let rest = '';
    let [videos, views] = [0, 0];
    try {
      for await (const piece of streamAsAdmin(access, `/v1/trace?${query}`)) {
        const lines = (rest + piece).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line.startsWith('{"type":"video"')) videos += 1;
          if (line.startsWith('{"type":"view"')) views += 1;
          if (file === undefined) output.out(line);
          else await file.write(`${line}\n`);
        }
      }
      // Every line has its end: this is where a proxy has cut it.
      if (rest !== '') throw brokenOff(access.server);
    } finally {
      await file?.close();
    }
    if (file === undefined) return 0;
    const summary = { file: options.output, videos, views };
    output.out(
      options.json === true
        ? JSON.stringify(summary)
        : `${times(views, 'view')} of ${times(videos, 'video')}`,
    );
    return 0;
  });
