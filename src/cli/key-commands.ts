import type { Command } from 'commander';
import { roles } from '../catalog/api-key.ts';
import { auditKinds } from '../catalog/audit-kinds.ts';
import type { AuditOptions } from './audit.ts';
import { optionWith } from './completion/suggest.ts';
import type { CreateKeyOptions, KeysOptions } from './keys.ts';
import { type ExitCode, processOutput } from './output.ts';

/** What `segue keys --help` says after the options. */
const keysHelp = `
Roles: client posts videos; reader sees everything that operators see; admin may do everything, as the admin token does. As long
as no key of the role client was ever made, everybody who reaches the service may post.

--json prints one object a line: {event: "created", id, key, name, role, ...}, {event: "key", id, name, role, createdAt,
createdBy, lastUsedAt, revokedAt}.`;

/** What `segue audit --help` says after the options. */
const auditHelp = `
Each line: id, time, status of the answer, who (admin-token, the id of a key, anybody), from where, what, and to what. The newest
10,000 entries of operators and of clients are kept.

--json prints one object a line: {id, at, kind, actor, address, action, subject, status, requestId}.`;

const withAccess = (command: Command): Command =>
  command
    .option('--server <url>', 'playlist service (default: SEGUE_URL, or this machine)')
    .option('--token <token>', 'admin token (default: SEGUE_ADMIN_TOKEN, or that of the embedded stack)')
    .option('--json', 'print JSON, one object a line');

/** Adds `segue keys create|list|revoke` and `segue audit`. */
export function addKeys(program: Command, ended: (code: ExitCode) => void): void {
  const keys = program
    .command('keys')
    .description('make, list and revoke keys of clients and operators')
    .addHelpText('after', () => keysHelp);
  withAccess(keys.command('create <name>').description('make a key, and print it this once'))
    .addOption(optionWith('--role <role>', 'what it opens', roles).default('client'))
    .action(async (name: string, options: CreateKeyOptions) =>
      ended(await (await import('./keys.ts')).createKey(name, options, processOutput)),
    );
  withAccess(keys.command('list').description('the keys, without themselves')).action(
    async (options: KeysOptions) => ended(await (await import('./keys.ts')).listKeys(options, processOutput)),
  );
  withAccess(keys.command('revoke <id>').description('a key opens nothing any more')).action(
    async (id: string, options: KeysOptions) =>
      ended(await (await import('./keys.ts')).revokeKey(id, options, processOutput)),
  );
  withAccess(program.command('audit').description('who did what, when'))
    .option('--limit <count>', 'entries at most (default: 100)')
    .option('--before <id>', 'only entries older than this one')
    .addOption(optionWith('--kind <kind>', 'only what these did', auditKinds))
    .addHelpText('after', () => auditHelp)
    .action(async (options: AuditOptions) =>
      ended(await (await import('./audit.ts')).audit(options, processOutput)),
    );
}
