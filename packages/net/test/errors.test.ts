import { describe, expect, test } from 'vitest';
import { abortError, aggregateError, bindError, systemError } from '../src/errors.ts';

describe('systemError', () => {
  test('has the form of node:net', () => {
    const error = systemError('ECONNREFUSED', 'connect', { address: '10.0.0.2', port: 80 });
    expect(error.message).toBe('connect ECONNREFUSED 10.0.0.2:80');
    expect(error).toMatchObject({
      errno: -111,
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: '10.0.0.2',
      port: 80,
    });
  });

  test('leaves out fields that are not known', () => {
    const error = systemError('ECONNRESET', 'read');
    expect(error.message).toBe('read ECONNRESET');
    expect(Object.keys(error).toSorted()).toEqual(['code', 'errno', 'syscall']);
  });
});

describe('bindError', () => {
  test('has the form of node:net', () => {
    const error = bindError('EADDRINUSE', 'listen', '10.0.0.2', 80);
    expect(error.message).toBe('listen EADDRINUSE: address already in use 10.0.0.2:80');
    expect(error).toMatchObject({ errno: -98, port: 80 });
  });
});

describe('aggregateError', () => {
  test('returns a single error itself, and gives several the code of the first', () => {
    const [one, two] = [
      systemError('ECONNREFUSED', 'connect'),
      systemError('ETIMEDOUT', 'connect'),
    ];
    expect(aggregateError([one])).toBe(one);
    expect(aggregateError([one, two])).toMatchObject({ code: 'ECONNREFUSED', errors: [one, two] });
  });
});

describe('abortError', () => {
  test('has the reason of the signal as cause', () => {
    const signal = AbortSignal.abort('the reason');
    expect(abortError(signal)).toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: 'the reason',
    });
  });
});
