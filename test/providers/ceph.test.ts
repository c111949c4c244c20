import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { test } from 'vitest';
import { freePort } from '../../src/stack/ports.ts';
import { s3ClientOf } from '../support/bucket.ts';
import { bucketContract, type Provider } from '../support/bucket-contract.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/wait.ts';

const script = fileURLToPath(new URL('../../../shared/tools/ceph-s3', import.meta.url));

function missing(): string | undefined {
  if (!existsSync(script)) return `${script} is not there`;
  try {
    execFileSync('sh', ['-c', 'command -v ceph-mon ceph-osd radosgw radosgw-admin']);
    return undefined;
  } catch {
    return 'Debian packages ceph-mon, ceph-osd, radosgw and ceph-common are not installed';
  }
}

async function startCeph(): Promise<Provider> {
  const folder = await temporaryFolder();
  const home = join(folder.path, 'ceph');
  const port = await freePort('127.0.0.1', 0);
  const starter: ChildProcess = spawn(script, [home, String(port)], { stdio: ['ignore', 'pipe', 'ignore'] });
  let printed = '';
  starter.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const stop = async (): Promise<void> => {
    starter.kill();
    for (const pid of readFileSync(join(home, 'pids'), 'utf8').split('\n').filter(Boolean).map(Number)) {
      // One that could not start has ended by itself.
      if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
      await until(() => !existsSync(`/proc/${pid}`), { what: `Ceph process ${pid} is gone` });
    }
    await folder[Symbol.asyncDispose]();
  };
  const look = (): string | undefined => /http:\S+/.exec(printed)?.[0];
  const endpoint = await until(look, { what: 'Ceph answers', timeout: 240_000 }).catch(
    async (error: unknown) => {
      await stop();
      throw error;
    },
  );
  const settings = {
    endpoint,
    bucket: 'segue',
    region: 'default',
    accessKeyId: 'AK',
    secretAccessKey: 'SK',
    publicUrl: `${endpoint}/segue`,
  };
  const client = s3ClientOf(settings);
  await client.send(new CreateBucketCommand({ Bucket: 'segue' }));
  client.destroy();
  return { settings, [Symbol.asyncDispose]: stop };
}

const reason = missing();
if (reason === undefined) bucketContract('Ceph RGW', startCeph, { listsUploads: true });
else {
  process.stderr.write(`The bucket contract is not run on Ceph: ${reason}\n`);
  test.skip(`the bucket contract on Ceph (${reason})`, () => undefined);
}
