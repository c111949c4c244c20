import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cheap, makeStream, produce, testSource } from '../integration/ingest/kit.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/wait.ts';
import { startField } from './kit.ts';

/** Bytes that one node may keep. A tenth of 1 GB unless told otherwise: the embedded bucket takes a few MB a second. */
const budget = Number(process.env['SEGUE_TEST_DISK_BUDGET'] ?? 100_000_000);
/** What comes in, in budgets. */
const times = 5;
const segments = 200;
const segmentBytes = (budget * times) / segments;
/** Until what a budget takes is taken, in milliseconds: at 1 MB a second. */
const patience = Math.max(300_000, budget / 1000);

/** One second of MPEG-TS, filled up with null packets (ISO/IEC 13818-1, 2.4.1) that say which segment it is. */
async function segmentOf(): Promise<(n: number) => Buffer<ArrayBuffer>> {
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'second.ts');
  const made = await produce([testSource(1), cheap], ['-f', 'mpegts', file]);
  expect((await made.done).code).toBe(0);
  const second = await readFile(file);
  return (n) => {
    const whole = Buffer.alloc(segmentBytes - (segmentBytes % 188), n & 0xff);
    second.copy(whole);
    for (let at = second.length; at < whole.length; at += 188) {
      whole.set([0x47, 0x1f, 0xff, 0x10], at);
      whole.writeUInt32BE(n, at + 4);
    }
    return whole;
  };
}

/** Bytes of all segments below a folder. */
function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.m4s')) continue;
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

test(
  'a bucket is down, five times the budget of a disk comes in: it stays within, and nothing is lost',
  async () => {
    const segment = await segmentOf();
    await using field = await startField({ env: { SEGUE_DISK_BUDGET_BYTES: String(budget) } });
    const { stack, proxy, bucket } = field;
    const stream = await makeStream(stack);
    const url = stream.ingest[0] ?? '';
    const folders = ['node-1', 'node-2'].map((node) => join(stack.dataFolder, 'nodes', node, 'segments'));
    /** Bytes of the node that has more. */
    const kept = (): number => Math.max(...folders.map(bytesIn));
    const sums: string[] = [];
    /** Statuses, and what fetch threw. */
    const answers = new Set<unknown>();
    let [most, refused] = [0, 0];

    const put = async (path: string, body: Buffer<ArrayBuffer> | string): Promise<void> => {
      await until(
        async () => {
          const answer = await fetch(`${url}${path}`, { method: 'PUT', body }).catch(
            (error: unknown) => error,
          );
          answers.add(answer instanceof Response ? answer.status : answer);
          if (answer instanceof Response && answer.ok) return true;
          refused += 1;
          // It has been full for as long as the bucket was down.
          if (refused === 20) await proxy.fail(undefined);
          return false;
        },
        { what: `${path} is taken`, timeout: patience, every: 250 },
      );
      most = Math.max(most, kept());
    };
    const list = (until: number, isOver: boolean): string => {
      const from = Math.max(0, until - 5);
      const lines = [
        '#EXTM3U',
        '#EXT-X-VERSION:3',
        '#EXT-X-TARGETDURATION:1',
        `#EXT-X-MEDIA-SEQUENCE:${from}`,
      ];
      for (let n = from; n < until; n += 1) lines.push('#EXTINF:1,', `${n}.ts`);
      return [...lines, ...(isOver ? ['#EXT-X-ENDLIST'] : []), ''].join('\n');
    };

    await proxy.fail({ kind: 'status', status: 503 });
    for (let n = 0; n < segments; n += 1) {
      const body = segment(n);
      sums.push(createHash('sha256').update(body).digest('hex'));
      await put(`${n}.ts`, body);
      await put('out.m3u8', list(n + 1, n === segments - 1));
    }
    expect(answers, 'no connection was closed').toEqual(new Set([201, 507]));
    expect(refused, 'it was full').toBeGreaterThanOrEqual(20);
    await until(async () => (await stream.status()).sealed, {
      what: 'everything is in the bucket',
      timeout: patience,
    });
    most = Math.max(most, kept());
    expect(most).toBeGreaterThan(budget / 2);
    expect(most).toBeLessThanOrEqual(budget);
    const { renderId, renditions } = await stream.status();
    expect(renditions.map((one) => one.segments)).toEqual([segments]);
    for (const [n, sum] of sums.entries()) {
      const answer = await fetch(
        `${bucket.settings.publicUrl}/renders/${renderId}/${renditions[0]?.name}/${n}.ts`,
      );
      const bytes = new Uint8Array(await answer.arrayBuffer());
      expect(createHash('sha256').update(bytes).digest('hex'), `segment ${n}`).toBe(sum);
    }
  },
  times * patience,
);
