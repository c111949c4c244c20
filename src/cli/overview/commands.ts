import { type Command, Option } from 'commander';
import { colouredOutput, type ExitCode } from '../output.ts';
import type { EventsOptions } from './events.ts';
import { eventsHelp, nodesHelp, statusHelp, topHelp, videosHelp } from './help.ts';
import type { NodesOptions } from './nodes.ts';
import { eventLevels, videoStates } from './states.ts';
import type { TopOptions } from './top.ts';
import type { VideoStatusOptions } from './video-status.ts';
import type { VideosOptions } from './videos.ts';

/** Adds `segue status`, `top`, `videos`, `nodes` and `events`: what operators look at. */
export function addOverview(program: Command, ended: (code: ExitCode) => void): void {
  const add = (name: string, description: string, help: string): Command =>
    program
      .command(name)
      .description(description)
      .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
      .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)')
      .option('--json', 'print JSON, one object a line')
      .addHelpText('after', () => help);
  add('status [video]', 'how everything is, on one screen, or where everything of a video is', statusHelp)
    .option('--wait', 'of a video: until everything is in the bucket')
    .action(async (video: string | undefined, options: VideoStatusOptions) =>
      ended(
        video === undefined
          ? await (await import('./status.ts')).status(options, colouredOutput)
          : await (await import('./video-status.ts')).videoStatus(video, options, colouredOutput),
      ),
    );
  add('top', 'nodes and the busiest videos, live', topHelp)
    .option('--interval <time>', 'between two pictures, e.g. 2s', '2s')
    .option('--count <number>', 'end after so many')
    .action(async (options: TopOptions) =>
      ended(await (await import('./top.ts')).top(options, colouredOutput)),
    );
  add('videos', 'videos and streams, the newest first', videosHelp)
    .option('--limit <number>', 'so many at most', '50')
    .option('--all', 'every one')
    .addOption(new Option('--state <state>', 'those in this state').choices(videoStates))
    .action(async (options: VideosOptions) =>
      ended(await (await import('./videos.ts')).videos(options, colouredOutput)),
    );
  add('nodes', 'nodes, and how busy each is', nodesHelp)
    .option('--all', 'with those that have been gone for more than an hour')
    .action(async (options: NodesOptions) =>
      ended(await (await import('./nodes.ts')).nodes(options, colouredOutput)),
    );
  add('events', 'what happened to nodes, videos and the policy', eventsHelp)
    .option('--limit <number>', 'the newest so many', '50')
    .addOption(new Option('--level <level>', 'this bad, or worse').choices(eventLevels).default('info'))
    .option('--follow', 'and what happens from now on, until Ctrl-C')
    .action(async (options: EventsOptions) =>
      ended(await (await import('./events.ts')).events(options, colouredOutput)),
    );
}
