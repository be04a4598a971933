import { formatKey, generateKeyPair } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { readCaptureOptions } from '../../src/capture/capture-options.ts';

describe('readCaptureOptions', () => {
  it('records everything by default, without keys', () => {
    expect(readCaptureOptions({})).toEqual({
      peers: undefined,
      inner: true,
      outer: true,
      snapLength: 262_144,
      keyLog: false,
      bufferLength: 8 * 1024 * 1024,
    });
  });

  it('reads the key of a peer from text, and one side', () => {
    const { publicKey } = generateKeyPair();
    const { peers, inner, outer } = readCaptureOptions({
      peers: [formatKey(publicKey)],
      side: 'outer',
    });
    expect([peers, inner, outer]).toEqual([[publicKey], false, true]);
  });

  it.each([
    [{ side: 'left' }, "\"side\" expected 'inner', 'outer' or 'both', got \"left\""],
    [{ side: 3 }, 'got a number'],
    [{ peers: 'all' }, '"peers"'],
    [{ peers: ['x'] }, 'peers[0]'],
    [{ snapLength: 63 }, '"snapLength"'],
    [{ bufferLength: 1 }, '"bufferLength"'],
    [{ keyLog: 'yes' }, '"keyLog"'],
    [{ count: 1 }, 'count'],
  ])('refuses %j', (options, text) => {
    expect(() => readCaptureOptions(options as never)).toThrow(text);
  });
});
