import { expect, test } from 'vitest';
import { isNodeTrouble } from '../../../src/node/node-trouble.ts';
import { SegueError } from '../../../src/ops/errors.ts';

const system = (syscall: string) => Object.assign(new Error(syscall), { code: 'E', syscall });

test.each([
  ['a full disk', system('write'), true],
  ['an ffmpeg that is not there', new SegueError('render_failed', 'x', { cause: system('spawn x') }), true],
  ['a bucket that is away', new SegueError('bucket_unavailable', 'x'), true],
  ['a file or module that only others have', new SegueError('unknown_asset', 'x'), true],
  ['what ffmpeg refuses', new SegueError('render_failed', 'x', { cause: new Error('stderr') }), false],
  ['a mistake of ours', new TypeError('x'), false],
  ['no error at all', 'x', false],
])('%s is trouble of this node: %s', (_, error, expected) => {
  expect(isNodeTrouble(error)).toBe(expected);
});
