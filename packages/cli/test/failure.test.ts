import { WireGuardError } from '@litz/core';
import { ConfigError } from '@litz/config';
import { describe, expect, test } from 'vitest';
import { describeFailure, exitCodeOf, Failure } from '../src/failure.ts';

describe('describeFailure', () => {
  test('prints only the message of an expected error', () => {
    expect(describeFailure(new Failure('no such file'))).toBe('no such file');
    const taken = new WireGuardError('ERR_LITZ_SYSTEM', 'bind: EADDRINUSE');
    expect(describeFailure(taken)).toBe('bind: EADDRINUSE');
    const nodes = Object.assign(new Error('open: ENOENT'), { code: 'ENOENT' });
    expect(describeFailure(nodes)).toBe('open: ENOENT');
  });

  test('has a line for each problem of a file', () => {
    const problem = { file: 'wg0.conf', line: 3, field: 'MTU', message: 'expected a number' };
    const error = new ConfigError([problem, { ...problem, line: 4 }]);
    expect(describeFailure(error)).toBe(
      'wg0.conf:3: MTU: expected a number\nwg0.conf:4: MTU: expected a number',
    );
  });

  test('has a line for each of several errors, and each line once', () => {
    const nodes = Object.assign(new Error('unlink: EROFS'), { code: 'EROFS' });
    const error = new AggregateError([nodes, new Failure('no such file'), nodes]);
    expect(describeFailure(error)).toBe('unlink: EROFS\nno such file');
    expect(describeFailure(new AggregateError([]))).toContain('internal error');
  });

  test('prints no control characters of other programs', () => {
    expect(describeFailure(new Failure('server: \u001b[2Jgone\nnext'))).toBe(
      'server: \\u{1b}[2Jgone\nnext',
    );
  });

  test('names the missing capability once', () => {
    const bare = new WireGuardError('ERR_LITZ_PERMISSION', 'RTM_NEWADDR: EPERM');
    expect(describeFailure(bare)).toMatch(/^RTM_NEWADDR: EPERM\nlitz needs CAP_NET_ADMIN/);
    const told = new WireGuardError('ERR_LITZ_PERMISSION', 'EPERM: CAP_NET_ADMIN is missing');
    expect(describeFailure(told)).toBe('EPERM: CAP_NET_ADMIN is missing');
    const advised = 'open: EACCES: a container needs --cap-add NET_ADMIN';
    expect(describeFailure(new WireGuardError('ERR_LITZ_PERMISSION', advised))).toBe(advised);
  });

  test('prints the stack only for a bug in Litz', () => {
    const mistake = new TypeError('x is not a function');
    expect(describeFailure(mistake)).toContain('internal error');
    expect(describeFailure(mistake)).toContain('failure.test.ts');
    expect(describeFailure('just a word')).toBe('just a word');
  });

  test('treats a Node.js code for wrong arguments as a bug in Litz', () => {
    const mistake = Object.assign(new TypeError('bad'), { code: 'ERR_INVALID_ARG_TYPE' });
    expect(describeFailure(mistake)).toContain('internal error');
  });
});

describe('exitCodeOf', () => {
  test('is 2 for a wrong command line, else 1', () => {
    expect(exitCodeOf(new Failure('what?', { exitCode: 2 }))).toBe(2);
    expect(exitCodeOf(new Failure('no'))).toBe(1);
    expect(exitCodeOf(new Error('no'))).toBe(1);
  });
});
