import { createLog } from '../../src/ops/log.ts';
import { startPostgres } from '../../src/stack/postgres.ts';

// A supervisor that can be killed: starts PostgreSQL on the folder given, says so, and stays until it dies.
const server = await startPostgres(process.argv[2] ?? '', createLog('supervisor', 'error'));
process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.databaseUrl })}\n`);
setInterval(() => undefined, 60_000);
