import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatErrnoResponse, formatGetResponse } from '../../src/uapi/get-response.ts';
import { parseErrnoResponse, parseGetResponse } from '../../src/uapi/parse-response.ts';
import { UapiError } from '../../src/uapi/uapi-error.ts';
import { RUNS } from '../keys.ts';
import { STATUS, STATUS_WITH_NEXT_KEYS } from './device-status.ts';

describe('parseGetResponse', () => {
  it('reads what formatGetResponse returns', () => {
    expect(parseGetResponse(formatGetResponse(STATUS))).toEqual(STATUS);
  });

  it('ignores unknown keys', () => {
    const text = `colour=red\npublic_key=${'02'.repeat(32)}\nshape=round\nerrno=0\n\n`;
    expect(parseGetResponse(text).peers).toHaveLength(1);
  });

  it('keeps the interface of a link-local endpoint, as a name or a number', () => {
    expect(endpointOf('eth0')).toMatchObject({ zone: 'eth0', scopeId: 0 });
    expect(endpointOf('5')).toMatchObject({ zone: undefined, scopeId: 5 });
  });

  it('throws the errno of the answer', () => {
    expect(() => parseGetResponse('errno=-22\n\n')).toThrow('answered errno -22 (EINVAL)');
    expect(() => parseGetResponse('errno=-22\n\n')).toThrow(
      expect.objectContaining({ errno: -22 }),
    );
  });

  it.each([
    '',
    '\n\n',
    'listen_port=1\n\n',
    'listen_port=x\nerrno=0\n\n',
    'fwmark\nerrno=0\n\n',
    'errno=zero\n\n',
    `public_key=1\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nallowed_ip=x/1\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nendpoint=x\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nnothing\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nlitz_endpoint_name=\nerrno=0\n\n`,
    `public_key=${'02'.repeat(32)}\nlitz_endpoint_name=192.0.2.1:1\nerrno=0\n\n`,
  ])('refuses %j with EPROTO', (text) => {
    expect(() => parseGetResponse(text)).toThrow(expect.objectContaining({ errno: -71 }));
  });

  it('throws only UapiError if a part of the text is replaced with random text', () => {
    const whole = formatGetResponse(STATUS);
    const cut = fc.tuple(fc.nat(whole.length), fc.nat(whole.length), fc.string());
    fc.assert(
      fc.property(cut, ([from, to, instead]) => {
        const text = whole.slice(0, from) + instead + whole.slice(to);
        expect(outcome(text)).toMatch(/^(read|refused)$/);
      }),
      { numRuns: RUNS },
    );
  });

  it('reads the next keys and the static keys of sessions', () => {
    const text = formatGetResponse(STATUS_WITH_NEXT_KEYS, { keys: true });
    expect(parseGetResponse(text)).toEqual(STATUS_WITH_NEXT_KEYS);
  });

  it('does not show in its error a key that stands alone on a line', () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i * 7)).toString('base64');
    let text = '';
    try {
      parseGetResponse(`${key}\nerrno=0\n\n`);
    } catch (error) {
      text = (error as Error).message;
    }
    expect(text).toContain('answer, line 1');
    expect(text).not.toContain(key.slice(0, 20));
  });
});

describe('parseErrnoResponse', () => {
  it('reads what formatErrnoResponse returns', () => {
    expect(() => parseErrnoResponse(formatErrnoResponse(0))).not.toThrow();
    expect(() => parseErrnoResponse(formatErrnoResponse(-98))).toThrow('errno -98 (EADDRINUSE)');
    expect(() => parseErrnoResponse('hello\n\n')).toThrow('without an errno');
  });
});

function outcome(text: string): string {
  try {
    parseGetResponse(text);
    return 'read';
  } catch (error) {
    return error instanceof UapiError ? 'refused' : String(error);
  }
}

function endpointOf(zone: string): unknown {
  const line = `endpoint=[fe80::1%${zone}]:1`;
  const text = `public_key=${'02'.repeat(32)}\n${line}\nerrno=0\n\n`;
  return parseGetResponse(text).peers[0].endpoint;
}
