import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestSplitter, type UapiRequest } from '../../src/uapi/request-splitter.ts';
import { RUNS } from '../keys.ts';

describe('RequestSplitter', () => {
  it('finds get and set requests, also several in one piece', () => {
    expect(split(['get=1\n\nset=1\na=1\nb=2\n\nset=1\n\nget=1\n\n'])).toEqual([
      { operation: 'get' },
      { operation: 'set', body: 'a=1\nb=2\n' },
      { operation: 'set', body: '' },
      { operation: 'get' },
    ]);
  });

  it('finds a request for changes and its cursor', () => {
    expect(split(['litz_changes=0\n\nlitz_chan', 'ges=1800000000000123\n', '\n'])).toEqual([
      { operation: 'changes', cursor: 0 },
      { operation: 'changes', cursor: 1_800_000_000_000_123 },
    ]);
    for (const text of ['litz_changes=\n', 'litz_changes=01\n', 'litz_changes=-1\n']) {
      expect(split([text])).toEqual([{ operation: 'invalid', errno: undefined }]);
    }
    expect(split(['litz_changes=1\nx\n'])).toEqual([{ operation: 'invalid', errno: -22 }]);
  });

  it('finds a request for a capture and its lines', () => {
    expect(split(['litz_cap', 'ture=1\nside=inner\n', '\nlitz_capture=1\n\n'])).toEqual([
      { operation: 'capture', body: 'side=inner\n' },
      { operation: 'capture', body: '' },
    ]);
    expect(split(['litz_capture=2\n'])).toEqual([{ operation: 'invalid', errno: undefined }]);
    const splitter = new RequestSplitter();
    expect(splitter.push(Buffer.from('litz_capture=1\nside=inner\n'))).toEqual([]);
    expect(splitter.end()).toEqual([]);
  });

  it('finds get requests with the options for keys and statistics, in pieces of any size', () => {
    const text =
      'get=1\nlitz_keys=true\n\nget=1\n\nget=1\nlitz_stats=true\nlitz_keys=true\n\nget=1\nlitz_stats=true\n\n';
    const expected = [
      { operation: 'get', keys: true },
      { operation: 'get' },
      { operation: 'get', keys: true, stats: true },
      { operation: 'get', stats: true },
    ];
    expect(split([text])).toEqual(expected);
    expect(split(text.split(''))).toEqual(expected);
  });

  it.each([
    'litz_keys=false\n',
    'litz_keys=tru\n',
    'litz_keys=true\nlitz_keys',
    'litz_stats=true\nlitz_keys=true\nlitz_',
    'litz_stats=true\nlitz_stats=true\n',
    'l\n',
    'litz_keyz',
  ])('refuses get=1 with %j, and gives EINVAL as the answer', (text) => {
    expect(split([`get=1\n${text}`])).toEqual([{ operation: 'invalid', errno: -22 }]);
  });

  it('waits for the end of a request', () => {
    expect(split(['get=1\n'])).toEqual([]);
    expect(split(['set=1\na=1\n'])).toEqual([]);
    expect(split(['set=1\na=1', '\n', '\n'])).toHaveLength(1);
  });

  it('finds the same requests in pieces of any size', () => {
    const request = fc.oneof(
      fc.constant('get=1\n\n'),
      fc
        .array(fc.string({ minLength: 1, unit: fc.constantFrom('a', '=', '1') }))
        .map((lines) => `set=1\n${lines.map((line) => `${line}\n`).join('')}\n`),
    );
    const pieces = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
    fc.assert(
      fc.property(fc.array(request), pieces, (requests, sizes) => {
        const text = requests.join('');
        const whole = split([text]);
        expect(whole).toHaveLength(requests.length);
        expect(split(cut(text, sizes))).toEqual(whole);
      }),
      { numRuns: RUNS },
    );
  });

  it('refuses an unknown operation, and gives no errno as the answer', () => {
    for (const text of ['hello\n', 'get=2\n\n', 'get=1', '\n', 'GET / HTTP/1.1\r\n']) {
      const expected = text === 'get=1' ? [] : [{ operation: 'invalid', errno: undefined }];
      expect(split([text])).toEqual(expected);
    }
  });

  it('refuses an unknown line after get=1, and gives EINVAL as the answer', () => {
    expect(split(['get=1\nx\n'])).toEqual([{ operation: 'invalid', errno: -22 }]);
  });

  it('finds no request after a refused one', () => {
    expect(split(['hello\nget=1\n\n', 'get=1\n\n'])).toHaveLength(1);
  });

  it.each<[string, UapiRequest[]]>([
    ['set=1\na=1\n', [{ operation: 'set', body: 'a=1\n' }]],
    ['set=1\na=1\nb=2', [{ operation: 'set', body: 'a=1\nb=2' }]],
    ['set=1\n', [{ operation: 'set', body: '' }]],
    ['get=1\n', [{ operation: 'get' }]],
    ['get=1\nlitz_keys=true', [{ operation: 'get', keys: true }]],
    ['get=1\nlitz_keys=true\n', [{ operation: 'get', keys: true }]],
    ['get=1\nlitz_stats=true\n', [{ operation: 'get', stats: true }]],
    ['get=1\nlitz_stats=true\nlitz_keys=true', [{ operation: 'get', keys: true, stats: true }]],
    ['get=1\nlitz_k', []],
    ['get=1', []],
    ['set=1', []],
    ['', []],
    ['set=1\na=1\n\n', []],
    ['hello\nset=1\n', []],
  ])('handles %j when the connection ends', (text, expected) => {
    for (const pieces of [[text], text.split('')]) {
      const splitter = new RequestSplitter();
      for (const piece of pieces) splitter.push(bytes(piece));
      expect(splitter.end()).toEqual(expected);
      expect(splitter.end()).toEqual([]);
      expect(splitter.push(bytes('get=1\n\n'))).toEqual([]);
    }
  });

  it('reports the bytes of an incomplete request, and whether there is one', () => {
    const splitter = new RequestSplitter();
    const state = (): [boolean, boolean] => [splitter.isUnfinished, splitter.pendingBytes > 0];
    expect(state()).toEqual([false, false]);
    splitter.push(bytes('get'));
    expect(state()).toEqual([true, true]);
    splitter.push(bytes('=1\n'));
    expect(state()).toEqual([true, false]);
    splitter.push(bytes('\nset=1\n'));
    expect(state()).toEqual([true, false]);
    splitter.push(bytes('a=123456\n'.repeat(100)));
    expect(splitter.pendingBytes).toBeGreaterThanOrEqual(900);
    splitter.push(bytes('\n'));
    expect(state()).toEqual([false, false]);
  });

  it('counts the memory of many small pieces', () => {
    const splitter = new RequestSplitter();
    splitter.push(bytes('set=1\n'));
    for (let i = 0; i < 100; i++) splitter.push(bytes('a'));
    expect(splitter.pendingBytes).toBeGreaterThan(2000);
  });

  it('discards an incomplete request when drop is called, and then finds no later request', () => {
    const splitter = new RequestSplitter();
    splitter.push(bytes('set=1\na=1\n'));
    splitter.drop();
    expect(splitter.pendingBytes).toBe(0);
    expect(splitter.push(bytes('\nget=1\n\n'))).toEqual([]);
    expect(splitter.end()).toEqual([]);
  });

  it('refuses a request that is too long', () => {
    const splitter = new RequestSplitter({ maxLength: 1000 });
    splitter.push(bytes('set=1\n'));
    const found: UapiRequest[] = [];
    for (let i = 0; i < 200; i++) found.push(...splitter.push(bytes('a=123456\n')));
    expect(found).toEqual([{ operation: 'invalid', errno: -22 }]);
    expect(split(['x'.repeat(1_000_000)])).toEqual([{ operation: 'invalid', errno: undefined }]);
  });
});

function split(pieces: string[]): UapiRequest[] {
  const splitter = new RequestSplitter();
  return pieces.flatMap((piece) => splitter.push(bytes(piece)));
}

/** Cuts the text into pieces of these sizes. The list of sizes is repeated until the text ends. */
function cut(text: string, sizes: number[]): string[] {
  const pieces: string[] = [];
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length];
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
