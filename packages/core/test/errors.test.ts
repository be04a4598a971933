import { describe, expect, it } from 'vitest';
import { WireGuardError } from '../src/errors.ts';

describe('WireGuardError', () => {
  it('has a code, its name and a message', () => {
    const error = new WireGuardError('ERR_LITZ_CLOSED', 'the device is closed');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: 'ERR_LITZ_CLOSED', name: 'WireGuardError' });
    expect(String(error)).toBe('WireGuardError: the device is closed');
  });

  it('has a cause only if one was given', () => {
    expect('cause' in new WireGuardError('ERR_LITZ_CLOSED', 'x')).toBe(false);
    expect(new WireGuardError('ERR_LITZ_CLOSED', 'x', { cause: 5 }).cause).toBe(5);
  });
});
