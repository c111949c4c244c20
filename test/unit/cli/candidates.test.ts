import { Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { candidatesOf } from '../../../src/cli/completion/candidates.ts';
import { optionWith } from '../../../src/cli/completion/suggest.ts';
import { addKeys } from '../../../src/cli/key-commands.ts';
import { policyWords } from '../../../src/cli/policy-verbs.ts';
import { addSimulate } from '../../../src/cli/simulate-command.ts';
import { profileNames } from '../../../src/render/profile-names.ts';
import { workloads } from '../../../src/simulate/workloads/workload.ts';

function program(): Command {
  const root = new Command('segue');
  root
    .command('drain <node>')
    .description('end a node')
    .option('--deadline <time>', 'within')
    .option('--no-wait', 'at once');
  root.command('status [video]').option('--server <url>', 'where').option('--json', 'as JSON');
  root.command('make <file>').option('--node <node>', 'where');
  root.command('hidden', { hidden: true });
  root
    .command('videos')
    .addOption(new Option('-s, --state <state>', 'those').choices(['rendering', 'rendered', 'stored']));
  const streams = root.command('streams').description('streams');
  streams.command('end <id>');
  streams.command('list');
  root.command('policy').addArgument(policyWords()).option('--note <text>', 'why');
  addKeys(root, () => undefined);
  addSimulate(
    (name) => root.command(name),
    () => undefined,
  );
  return root;
}

/** Values, or of which kind they are. */
const values = (...words: string[]): unknown => {
  const found = candidatesOf(program(), words);
  if (!('kind' in found)) return found.map(({ value }) => value);
  return [found.kind, found.begun, found.before];
};

test('commands, and those below them', () => {
  expect(values('st')).toEqual(['status', 'streams']);
  expect(values('')).not.toContain('hidden');
  expect(values('streams', 'l')).toEqual(['list']);
  expect(values('streams', 'list', '')).toEqual([]);
  expect(values('nothing', '')).toEqual([]);
  expect(values()).toContain('drain');
});

test('options and their values, as one word and as bash cuts it', () => {
  expect(values('drain', '--')).toEqual(['--deadline', '--no-wait', '--help']);
  expect(values('drain', 'node-1', '--no')).toEqual(['--no-wait']);
  expect(values('videos', '--state', 'r')).toEqual(['rendering', 'rendered']);
  expect(values('videos', '-s', 'st')).toEqual(['stored']);
  expect(values('videos', '--state=r')).toEqual(['--state=rendering', '--state=rendered']);
  expect(values('videos', '--state', '=', 'r')).toEqual(['rendering', 'rendered']);
  expect(values('videos', '--state', '=')).toEqual(['rendering', 'rendered', 'stored']);
  expect(values('drain', '--deadline', '')).toEqual([]);
});

test('arguments by their names, past options and their values', () => {
  expect(values('drain', 'no')).toEqual(['node', 'no', '']);
  expect(values('drain', '--deadline', '5m', 'no')).toEqual(['node', 'no', '']);
  expect(values('drain', 'node-1', '')).toEqual([]);
  expect(values('status', '--json', 'ab')).toEqual(['video', 'ab', '']);
  expect(values('streams', 'end', '')).toEqual(['video', '', '']);
  expect(values('make', 'ex')).toEqual(['file', 'ex', '']);
  expect(values('make', '--node=no')).toEqual(['node', 'no', '--node=']);
  expect(values('ingest', '--', 'ffmpeg', '-i', 'fi')).toEqual(['file', 'fi', '']);
});

test('where the service is asked is what was typed', () => {
  const found = candidatesOf(program(), ['status', '--server', 'http://x', 'a']);
  expect('given' in found && found.given.get('server')).toBe('http://x');
});

test('words of segue policy: what it can do, then a file where it takes one', () => {
  expect(values('policy', '')).toEqual(['get', 'set', 'diff', 'history', 'restore']);
  expect(values('policy', 's')).toEqual(['set']);
  expect(values('policy', '--note', 'why', 'd')).toEqual(['diff']);
  expect(values('policy', 'set', 'f')).toEqual(['file', 'f', '']);
  expect(values('policy', 'diff', '--note', 'why', '')).toEqual(['file', '', '']);
  for (const words of [['set', 'file'], ['diff', '3'], ['get'], ['history'], ['restore'], ['constructor']])
    expect(values('policy', ...words, '')).toEqual([]);
  expect(values('policy', 'set', '--n')).toEqual(['--note']);
});

test('known values of options that their commands refuse otherwise', () => {
  expect(values('simulate', '--workload', '')).toEqual(workloads.map(({ name }) => name));
  expect(values('simulate', '--workload=z')).toEqual(['--workload=zipf']);
  expect(values('simulate', '--prices', 'a')).toEqual(['aws-s3']);
  expect(values('keys', 'create', '--role', '')).toEqual(['client', 'reader', 'admin']);
  expect(values('audit', '--kind', 'o')).toEqual(['operator']);
});

test('a value that is not known reaches the command, which refuses it itself', () => {
  const command = new Command('make').addOption(optionWith('--profile <name>', 'how', profileNames));
  expect(command.parse(['--profile', 'new'], { from: 'user' }).opts()).toEqual({ profile: 'new' });
  expect(command.helpInformation()).toContain('(choices: "default", "ladder", "hevc", "av1")');
});
