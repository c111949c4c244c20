import { Command, Option } from 'commander';
import { expect, test } from 'vitest';
import { candidatesOf } from '../../../src/cli/completion/candidates.ts';

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
  return root;
}

/** Values, or of which kind they are. */
const values = (...words: string[]): unknown => {
  const found = candidatesOf(program(), words);
  if (!('kind' in found)) return found.map(({ value }) => value);
  return [found.kind, found.begun, found.before];
};

test('commands, and those below them', () => {
  expect(values('s')).toEqual(['status', 'streams']);
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
