import { SegueError } from '../ops/errors.ts';
import type { Db } from './connect.ts';
import { deployments } from './schema.ts';

/** Identity of the deployment, which is that of its database. @throws SegueError `internal` where somebody has removed its row */
export async function deploymentId(db: Db): Promise<string> {
  const [row] = await db.select({ id: deployments.id }).from(deployments).limit(1);
  if (row !== undefined) return row.id;
  throw new SegueError('internal', 'The database does not say which deployment it belongs to', {
    hint: 'Give it an identity: INSERT INTO deployment (id) VALUES (gen_random_uuid()::text)',
  });
}
