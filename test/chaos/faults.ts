import { signalTo } from '../../src/ops/process-identity.ts';
import { replacePlaylists } from '../support/replace-playlists.ts';
import { until } from '../support/wait.ts';
import type { Ground } from './ground.ts';
import type { Fault, NodeName } from './plan.ts';

/** What ends a fault, and waits until the stack has recovered from it. */
export type Undo = () => Promise<void>;

/** How long a slow bucket, a slow read of it and a slow database take for each request or piece, in milliseconds. */
const slow = { bucket: 800, cdn: 300, database: 60 } as const;

/** Does it. @returns what undoes it */
export async function strike(ground: Ground, fault: Fault): Promise<Undo> {
  const { field, disks, database, writes, reads } = ground;
  switch (fault.kind) {
    case 'kill':
    case 'lose':
      return kill(ground, fault.node, fault.kind === 'lose');
    case 'stop': {
      const pid = field.stack.pidOf(fault.node);
      signalTo(pid, 'SIGSTOP');
      return async () => {
        signalTo(pid, 'SIGCONT');
        await ground.ready();
      };
    }
    case 'fill':
      return disks.fill(fault.node);
    case 'drain':
      for (const node of ['node-1', 'node-2'] as const) await drain(ground, node);
      return () => Promise.resolve();
    case 'bucket':
      await writes.fail(httpFault(fault.how, slow.bucket));
      return mended(() => writes.fail(undefined));
    case 'cdn':
      await reads.fail(httpFault(fault.how, slow.cdn));
      return mended(() => reads.fail(undefined));
    case 'database':
      await database.fail(fault.how === 'slow' ? { kind: 'delay', ms: slow.database } : { kind: fault.how });
      return mended(() => database.fail(undefined));
    case 'playlists': {
      const { stack } = field;
      if (fault.how === 'kill') await stack.restarted('playlists', stack.kill('playlists'));
      else await replacePlaylists(stack);
      return () => Promise.resolve();
    }
  }
}

/** Another program may have the port of a proxy that does not listen for a moment. */
const mended =
  (work: () => Promise<void>): Undo =>
  async () => {
    await until(async () => work().then(() => true), { what: 'the proxy listens again', every: 100 });
  };

function httpFault(
  how: 'refuse' | '503' | 'reset' | 'slow' | 'swallow',
  ms: number,
): Parameters<Ground['writes']['fail']>[0] {
  if (how === '503') return { kind: 'status', status: 503 };
  return how === 'slow' ? { kind: 'delay', ms } : { kind: how };
}

async function kill(ground: Ground, node: NodeName, withDisk: boolean): Promise<Undo> {
  const { field, disks } = ground;
  const pid = field.stack.kill(node);
  if (withDisk) await disks.empty(node);
  return async () => {
    await field.stack.restarted(node, pid);
    await ground.ready();
  };
}

/** As `segue drain` does it, and waits until the node is back. */
async function drain(ground: Ground, node: NodeName): Promise<void> {
  const { stack } = ground.field;
  const pid = stack.pidOf(node);
  const ask = async (): Promise<boolean> => {
    const answer = await fetch(`${stack.url}/v1/nodes/${node}/drain`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stack.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ deadlineSeconds: 5 }),
      signal: AbortSignal.timeout(5000),
    });
    return answer.status === 202;
  };
  await until(ask, { what: `${node} drains`, timeout: 30_000, every: 500 });
  await stack.restarted(node, pid);
  await ground.ready();
}
