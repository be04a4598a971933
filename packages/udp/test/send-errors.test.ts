import { describe, expect, test } from 'vitest';
import {
  EADDRNOTAVAIL,
  EAGAIN,
  ECONNREFUSED,
  EINTR,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENODEV,
} from '../src/linux-abi.ts';
import { isCausedBySource, isTransient } from '../src/send-errors.ts';

describe('isCausedBySource', () => {
  test('is true for the errors of a source that no longer exists', () => {
    expect([EINVAL, EADDRNOTAVAIL, ENETUNREACH, ENODEV].map(isCausedBySource)).not.toContain(false);
    expect([EAGAIN, EMSGSIZE, ECONNREFUSED, EINTR].map(isCausedBySource)).not.toContain(true);
  });
});

describe('isTransient', () => {
  test('is true for errors of an earlier datagram and for interrupted calls', () => {
    expect([ECONNREFUSED, EINTR].map(isTransient)).toEqual([true, true]);
    expect([EAGAIN, EINVAL, EMSGSIZE].map(isTransient)).toEqual([false, false, false]);
  });
});
