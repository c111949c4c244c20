import { Hono } from 'hono';
import { SegueError } from '../../src/ops/errors.ts';
import { isOwnPage } from '../own-page.ts';

/** What the demo page is told of a node. */
export interface DemoNode {
  readonly id: string;
  readonly pid: number;
  /** Name of the machine that the process runs on. */
  readonly host: string;
  readonly state: string;
}

/** What the kill button needs. */
export interface DemoInput {
  /** Nodes that the catalog knows now. */
  readonly nodes: (signal: AbortSignal) => Promise<readonly DemoNode[]>;
  /** Name of this machine (`os.hostname()`): a process id means nothing on another one. */
  readonly host: string;
  /** Ends a process at once. Default: `process.kill(pid, 'SIGKILL')`. */
  readonly kill?: (pid: number) => void;
  /** Whether the service can be reached from this machine only. */
  readonly localOnly?: boolean;
}

/**
 * `GET /demo/nodes` and `POST /demo/nodes/{id}/kill` (kill -9, as a machine that loses power would look). To be mounted only
 * where SEGUE_DEMO is on: it needs no token, so that a visitor can press the button. Node only.
 */
export function demoRoutes({ nodes, host, kill = killHard, localOnly = false }: DemoInput): Hono {
  const app = new Hono();
  app.get('/demo/nodes', async (c) => {
    c.header('cache-control', 'no-store');
    const list = await nodes(c.req.raw.signal);
    return c.json({
      nodes: list.map((node) => ({
        id: node.id,
        pid: node.pid,
        state: node.state,
        killable: node.host === host,
      })),
    });
  });
  app.post('/demo/nodes/:id/kill', async (c) => {
    requireOwnPage(c.req.raw, localOnly);
    const id = c.req.param('id');
    const node = (await nodes(c.req.raw.signal)).find((one) => one.id === id);
    if (node === undefined || node.host !== host) {
      throw new SegueError('not_found', `No node ${id} runs on this machine`, {
        hint: 'The demo kills only processes of the machine that the playlist service runs on',
      });
    }
    try {
      kill(node.pid);
    } catch (error) {
      // The catalog lists a node for a moment after its end.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      throw new SegueError('not_found', `Process ${node.pid} of node ${id} is already gone`, {
        cause: error,
      });
    }
    c.header('cache-control', 'no-store');
    return c.json({ id: node.id, pid: node.pid, killed: true });
  });
  return app;
}

/** Another site must not be able to press the button through a visitor's browser. */
function requireOwnPage(request: Request, localOnly: boolean): void {
  if (isOwnPage(request, localOnly)) return;
  throw new SegueError('unauthorized', 'Only the demo page itself may do this', {
    hint: 'Send it from the page that this service shows at /',
  });
}

function killHard(pid: number): void {
  // 0 and negative numbers would reach whole process groups.
  if (!Number.isInteger(pid) || pid <= 1) throw new RangeError(`Not a process id: ${pid}`);
  process.kill(pid, 'SIGKILL');
}
