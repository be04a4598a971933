import { describe, expect, it } from 'vitest';
import { formatCaptureRequest, parseCaptureRequest, UapiError } from '../../src/index.ts';
import { publicKey } from '../keys.ts';

describe('formatCaptureRequest', () => {
  it('writes what parseCaptureRequest reads', () => {
    for (const request of [
      {},
      { side: 'inner' as const },
      { side: 'outer' as const, snapLength: 96, keyLog: true },
      { peers: [publicKey(1), publicKey(2)] },
    ]) {
      const text = formatCaptureRequest(request);
      expect(text).toMatch(/^litz_capture=1\n([^\n]+\n)*\n$/);
      expect(parseCaptureRequest(text.slice('litz_capture=1\n'.length, -1))).toEqual(request);
    }
  });

  it('refuses text that is not a key, and unknown fields', () => {
    expect(() => formatCaptureRequest({ peers: ['x'] })).toThrow('peers[0]');
    expect(() => formatCaptureRequest({ peer: 'x' } as never)).toThrow('peer');
  });
});

describe('parseCaptureRequest', () => {
  it.each([
    ['side=both\n', -22],
    ['side\n', -71],
    ['=inner\n', -71],
    ['peer=00\n', -22],
    ['snap_length=-1\n', -22],
    ['snap_length=4294967296\n', -22],
    ['key_log=1\n', -22],
    ['side=inner\nother=1\n', -22],
  ])('refuses %j', (body, errno) => {
    let error: unknown;
    try {
      parseCaptureRequest(body);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UapiError);
    expect((error as UapiError).errno).toBe(errno);
    expect((error as UapiError).line).toBe(body.split('\n').length - 1);
  });
});
