import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFfmpeg } from '../../src/render/ffmpeg/find.ts';
import { freePort } from '../../src/stack/ports.ts';
import { type Field, nodeSettings } from '../faults/kit.ts';
import { startNodeProcess } from '../support/node-process.ts';
import { through } from '../support/proxy.ts';
import { startTcpProxy, type TcpFault, type TcpProxy } from '../support/tcp-proxy.ts';
import type { Undo } from './fault.ts';

/** `node-3`: a node beside the stack, all of whose ways can be cut, with an ffmpeg that can be made to fail. */
export interface FarNode extends AsyncDisposable {
  /** `whole`: nothing passes from and to it; `inbound`: it cannot be reached. */
  cutOff(how: 'whole' | 'inbound'): Promise<Undo>;
  /** Every ffmpeg that it starts crashes at once, or does nothing until this is over and then crashes. */
  breakFfmpeg(how: 'crash' | 'hang'): Promise<Undo>;
  /** SIGKILL, and everything on its disk is gone. It does not come back. */
  lose(): Promise<void>;
}

/** How it is started. */
export interface FarNodeOptions {
  readonly field: Field;
  /** Ways to the database and the bucket's S3 API that others have, too. */
  readonly database: TcpProxy;
  readonly databaseUrl: string;
  readonly folder: string;
  readonly onLog: (piece: string) => void;
}

/** An ffmpeg that does what a file beside it says. */
const wrapper = (real: string, order: string): string => `#!/bin/sh
case "$(cat '${order}' 2>/dev/null)" in
crash) exit 1 ;;
hang) while [ -e '${order}' ]; do sleep 0.2; done; exit 1 ;;
esac
exec '${real}' "$@"
`;

/** Starts it. */
export async function startFarNode(options: FarNodeOptions): Promise<FarNode> {
  const { field, folder, onLog } = options;
  await using started = new AsyncDisposableStack();
  const order = join(folder, 'order');
  const ffmpeg = join(folder, 'ffmpeg');
  await writeFile(ffmpeg, wrapper((await findFfmpeg()).path, order));
  await chmod(ffmpeg, 0o755);

  const port = await freePort('127.0.0.1');
  const database = started.use(await startTcpProxy(`tcp://127.0.0.1:${options.database.port}`));
  const bucket = started.use(await startTcpProxy(field.proxy.url));
  const inbound = started.use(await startTcpProxy(`http://127.0.0.1:${port}`));
  const dataFolder = join(folder, 'data');
  const settings = await nodeSettings(field, 'node-3', dataFolder);
  const process = started.use(
    await startNodeProcess({
      detached: true,
      onLog,
      env: {
        ...settings,
        DATABASE_URL: through(database, options.databaseUrl),
        S3_ENDPOINT: through(bucket, settings['S3_ENDPOINT'] ?? ''),
        SEGUE_NODE_PORT: String(port),
        SEGUE_NODE_URL: `http://127.0.0.1:${inbound.port}`,
        SEGUE_LOG_LEVEL: 'info',
        FFMPEG_PATH: ffmpeg,
      },
    }),
  );
  const fail = async (fault: TcpFault | undefined, ways: readonly TcpProxy[]): Promise<void> => {
    await Promise.all(ways.map((way) => way.fail(fault)));
  };
  const parts = started.move();
  return {
    async cutOff(how) {
      const ways = how === 'whole' ? [database, bucket, inbound] : [inbound];
      await fail({ kind: 'hold' }, ways);
      return () => fail(undefined, ways);
    },
    async breakFfmpeg(how) {
      await writeFile(order, how);
      return () => rm(order, { force: true });
    },
    async lose() {
      await process.kill();
      await rm(dataFolder, { recursive: true, force: true });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
