import { createServer } from 'node:net';
import { readIfThere, writePrivate } from './files.ts';

/** Binds a port for a moment. @returns the port bound, or undefined when it is taken. `port` 0 asks for any free one. */
function tryPort(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}

/** Whether nobody listens on a port and this process may. @throws when the host is not one of this machine. */
export async function isPortFree(port: number, host: string): Promise<boolean> {
  return (await tryPort(port, host)) !== undefined;
}

/** A free port: `preferred` where it is free, else any. */
export async function freePort(host: string, preferred = 0): Promise<number> {
  const port = (await tryPort(preferred, host)) ?? (await tryPort(0, host));
  if (port === undefined) throw new Error(`no free port on ${host}`);
  return port;
}

/** A port that stays the same from one start to the next as long as nobody else takes it; kept in a file. */
export async function stablePort(path: string, host: string): Promise<number> {
  const kept = Number((await readIfThere(path)) ?? 0);
  const port = await freePort(host, Number.isInteger(kept) && kept > 0 && kept < 65_536 ? kept : 0);
  if (port !== kept) await writePrivate(path, `${port}\n`);
  return port;
}

/** The address that reaches a server bound to `host` from this machine, with IPv6 in brackets. */
export function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
