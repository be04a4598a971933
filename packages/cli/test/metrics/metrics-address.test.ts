import { describe, expect, test } from 'vitest';
import {
  formatMetricsAddress,
  readMetricsAddress,
  type MetricsAddress,
} from '../../src/metrics/metrics-address.ts';

describe('readMetricsAddress', () => {
  test.each<[string, MetricsAddress, string]>([
    ['9586', { host: '127.0.0.1', port: 9586 }, '127.0.0.1:9586'],
    ['0', { host: '127.0.0.1', port: 0 }, '127.0.0.1:0'],
    ['127.0.0.9:1', { host: '127.0.0.9', port: 1 }, '127.0.0.9:1'],
    ['localhost:1', { host: 'localhost', port: 1 }, 'localhost:1'],
    ['[::1]:9586', { host: '::1', port: 9586 }, '[::1]:9586'],
    ['unix:/run/litz/wg0.metrics', { path: '/run/litz/wg0.metrics' }, 'unix:/run/litz/wg0.metrics'],
  ])('reads %s', (text, address, formatted) => {
    expect(readMetricsAddress(text)).toEqual(address);
    expect(formatMetricsAddress(address)).toBe(formatted);
  });

  test.each(['', 'x', '65536', '1.2.3.4', 'unix:', 'unix:a', `unix:/${'a'.repeat(107)}`])(
    'refuses %j, and names the accepted forms',
    (text) => {
      expect(() => readMetricsAddress(text)).toThrow(
        /^--metrics: expected (PORT, ADDRESS:PORT|unix: )/,
      );
    },
  );

  test.each([':9586', '*:9586', '0.0.0.0:9586', '[::]:9586', '192.0.2.1:9586', 'example.com:1'])(
    'refuses %s, because other machines could reach it',
    (text) => {
      expect(() => readMetricsAddress(text)).toThrow('--metrics: expected a loopback address');
    },
  );
});
