import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { signalTo } from '../../src/ops/process-identity.ts';
import type { ProxyFault } from '../support/proxy.ts';
import { replacePlaylists } from '../support/replace-playlists.ts';
import { until } from '../support/wait.ts';
import type { Fault, NodeName, Undo } from './fault.ts';
import type { Ground } from './ground.ts';

/** How long a slow bucket, a slow read of it and a slow database take for each request or piece, in milliseconds. */
const slow = { bucket: 800, cdn: 300, database: 60 } as const;

/** Does it. @returns what undoes it */
export async function strike(ground: Ground, fault: Fault): Promise<Undo> {
  const { field, disks, database, writes, reads, far } = ground;
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
    case 'partition':
      return recovered(ground, await far.cutOff(fault.how));
    case 'ffmpeg':
      return far.breakFfmpeg(fault.how);
    case 'objects':
      await loseObjects(ground, fault.at);
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

const recovered =
  (ground: Ground, undo: Undo): Undo =>
  async () => {
    await undo();
    await ground.ready();
  };

/** Three segments, from a part of all that there are on. */
async function loseObjects({ field }: Ground, at: number): Promise<void> {
  const { s3, settings } = field.bucket;
  const segments = (await field.bucket.keys('renders/')).filter((key) => key.endsWith('.m4s'));
  const first = Math.floor(at * segments.length);
  for (const Key of segments.slice(first, first + 3))
    await s3.send(new DeleteObjectCommand({ Bucket: settings.bucket, Key }));
}

/** Another program may have the port of a proxy that does not listen for a moment. */
const mended =
  (work: () => Promise<void>): Undo =>
  async () => {
    await until(async () => work().then(() => true), { what: 'the proxy listens again', every: 100 });
  };

function httpFault(how: Extract<Fault, { kind: 'bucket' | 'cdn' }>['how'], ms: number): ProxyFault {
  switch (how) {
    case '503':
      return { kind: 'status', status: 503 };
    case 'denied':
      return { kind: 'status', status: 403, code: 'AccessDenied' };
    case 'skewed':
      return { kind: 'status', status: 403, code: 'RequestTimeTooSkewed', clockOff: 3600 };
    case 'slow':
      return { kind: 'delay', ms };
    case 'refuse':
    case 'reset':
    case 'swallow':
      return { kind: how };
  }
}

async function kill(ground: Ground, node: NodeName, withDisk: boolean): Promise<Undo> {
  const { field, disks } = ground;
  if (withDisk) {
    // It is started again at once: its disk has to be empty before it is dead.
    signalTo(field.stack.pidOf(node), 'SIGSTOP');
    await disks.empty(node);
  }
  const pid = field.stack.kill(node);
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
