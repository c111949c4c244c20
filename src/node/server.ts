import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** Longest wait for requests that are under way, in milliseconds. */
const closeMs = 5_000;

/**
 * Closes a server: no new connection, requests under way are finished, idle keep-alive connections are closed again and
 * again (a client that was mid-request would otherwise hold its connection open), and at the deadline all of them.
 */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const deadline = performance.now() + closeMs;
  let isClosed = false;
  const noted = closed.then(() => {
    isClosed = true;
  });
  while (!isClosed && performance.now() < deadline) {
    server.closeIdleConnections();
    await Promise.race([noted, delay(25)]);
  }
  server.closeAllConnections();
  await closed;
}
