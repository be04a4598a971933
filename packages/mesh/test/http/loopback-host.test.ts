import { describe, expect, test } from 'vitest';
import { isLoopbackHost } from '../../src/http/loopback-host.ts';

describe('isLoopbackHost', () => {
  test.each(['localhost', 'LOCALHOST:1', '127.0.0.1', '127.1.2.3:65535', '[::1]', '[::1]:9586'])(
    'accepts %s',
    (host) => {
      expect(isLoopbackHost(host)).toBe(true);
    },
  );

  test.each([undefined, '', 'example.com', 'localhost.example.com', '127.0.0.1.example', '[::2]'])(
    'refuses %s',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
    },
  );
});
