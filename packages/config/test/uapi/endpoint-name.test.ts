import { toByteText } from '@litz/core/internals';
import { describe, expect, it } from 'vitest';
import { readEndpointName } from '../../src/uapi/endpoint-name.ts';

describe('readEndpointName', () => {
  it.each(['vpn.example.com:51820', 'grün.example:1'])('returns the name %s', (name) => {
    expect(readEndpointName(toByteText(name))).toBe(name);
  });

  it('returns an empty text for an empty value', () => {
    expect(readEndpointName('')).toBe('');
  });

  it.each(['vpn.example.com', '192.0.2.1:51820', '[2001:db8::1]:51820', 'a:b', '\u{fc}:1'])(
    'refuses %s',
    (value) => {
      expect(readEndpointName(value)).toBeUndefined();
    },
  );
});
