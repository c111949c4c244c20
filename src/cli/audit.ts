import { z } from 'zod';
import { auditKinds } from '../catalog/audit-kinds.ts';
import { SegueError } from '../ops/errors.ts';
import type { KeysOptions } from './keys.ts';
import { type ExitCode, type Output, reportError } from './output.ts';
import { askAsAdmin, serviceAccess } from './service-access.ts';

/** Options of `segue audit`, as the command line gives them. */
export interface AuditOptions extends KeysOptions {
  /** Entries. */
  readonly limit?: string;
  /** Id of an entry. */
  readonly before?: string;
  readonly kind?: string;
}

const entrySchema = z.object({
  id: z.number(),
  at: z.string(),
  kind: z.enum(auditKinds),
  actor: z.string(),
  address: z.string(),
  action: z.string(),
  subject: z.string().nullable(),
  status: z.number(),
  requestId: z.string(),
});

/** `segue audit`: who did what, when; the newest first. */
export async function audit(options: AuditOptions, output: Output): Promise<ExitCode> {
  try {
    const query = new URLSearchParams();
    for (const name of ['limit', 'before'] as const) {
      const text = options[name];
      if (text === undefined) continue;
      if (!/^[1-9]\d{0,8}$/.test(text))
        throw new SegueError('configuration', `--${name} ${text} is not a number of entries`);
      query.set(name, text);
    }
    if (options.kind !== undefined) query.set('kind', options.kind);
    const schema = z.object({ entries: z.array(entrySchema) });
    const { entries } = await askAsAdmin(await serviceAccess(options), `/v1/audit?${query}`, schema);
    for (const entry of entries) {
      const { id, at, actor, address, action, subject, status } = entry;
      if (options.json === true) output.out(JSON.stringify(entry));
      else output.out([id, at, status, actor, address, action, subject ?? ''].join('  ').trimEnd());
    }
    if (entries.length === 0 && options.json !== true) output.err('Nothing was done yet');
    return 0;
  } catch (error) {
    return reportError(error, output, options.json === true);
  }
}
