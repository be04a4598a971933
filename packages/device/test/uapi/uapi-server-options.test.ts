import { describe, expect, it } from 'vitest';
import type { UapiTarget } from '../../src/index.ts';
import { checkServerArguments } from '../../src/uapi/uapi-server-options.ts';

const TARGET = { status: () => {}, configure: () => {} } as unknown as UapiTarget;

describe('checkServerArguments', () => {
  it('accepts all options', () => {
    expect(() =>
      checkServerArguments(TARGET, {
        path: '/run/x.sock',
        maxRequestLength: 1,
        maxTotalLength: 1,
        idleTimeoutMs: 2 ** 31 - 1,
        maxConnections: 1,
        onRefused: () => {},
        onRemoved: () => {},
      }),
    ).not.toThrow();
  });

  it.each<[string, unknown, unknown]>([
    ['"target" expected an object, got undefined', undefined, { path: 'x' }],
    ['"target.configure" expected a function', { status: () => {} }, { path: 'x' }],
    ['"options" expected an object, got undefined', TARGET, undefined],
    ['"options" expected one of path, ', TARGET, { path: 'x', idleTimeout: 5 }],
    ['"path" expected a string, got undefined', TARGET, {}],
    ['"path" expected the path of a socket, got ""', TARGET, { path: '' }],
    ['"path" expected the path of a socket', TARGET, { path: 'a\0b' }],
    ['"maxConnections" expected an integer from 1', TARGET, { path: 'x', maxConnections: 0 }],
    ['"idleTimeoutMs" expected an integer from 1', TARGET, { path: 'x', idleTimeoutMs: 2 ** 31 }],
    ['"onRefused" expected a function, got a number', TARGET, { path: 'x', onRefused: 5 }],
    ['"onRemoved" expected a function, got a number', TARGET, { path: 'x', onRemoved: 5 }],
  ])('throws %s', (message, target, options) => {
    expect(() => checkServerArguments(target as never, options as never)).toThrow(message);
  });
});
