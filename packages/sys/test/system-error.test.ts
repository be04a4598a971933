import { WireGuardError } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { SystemError } from '../src/index.ts';

describe('SystemError', () => {
  test('names the errno, the call and what was attempted', () => {
    const error = new SystemError('bind', 98, 'cannot listen on port 51820');

    expect(error).toBeInstanceOf(WireGuardError);
    expect(error.message).toBe('cannot listen on port 51820: bind: EADDRINUSE');
    expect(error).toMatchObject({ errno: 'EADDRINUSE', errnoNumber: 98, syscall: 'bind' });
    expect(error.code).toBe('ERR_LITZ_SYSTEM');
  });

  test.each([
    [1, 'EPERM'],
    [13, 'EACCES'],
  ])('has a separate code for a missing permission (%i)', (number, errno) => {
    expect(new SystemError('open', number)).toMatchObject({ errno, code: 'ERR_LITZ_PERMISSION' });
  });

  test.each([
    [11, 'EAGAIN'],
    [16, 'EBUSY'],
    [77, 'EBADFD'],
    [126, 'ENOKEY'],
    [9999, 'errno 9999'],
  ])('names errno %i %s', (number, errno) => {
    expect(new SystemError('ioctl', number).errno).toBe(errno);
  });
});
