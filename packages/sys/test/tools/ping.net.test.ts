import { describeWith } from '@litz/testkit';
import { expect, test } from 'vitest';
import { ping } from '../../src/tools/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createTwoNamespaces, ipv4, ipv6 } from '../two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'ping', () => {
  test.each([
    ['IPv4', ipv4(2)],
    ['IPv6', ipv6(2)],
  ])('reaches the other end over %s', async (_, address) => {
    const { left } = createTwoNamespaces();

    // The first neighbour solicitation of IPv6 may be lost. The next one is sent after a second, so
    // the time-out is longer than a second.
    const options = { count: 5, intervalMs: 5, timeoutMs: 5000 };
    const result = await left.namespace.run(() => ping(address, options));

    expect(result).toMatchObject({ sent: 5, received: 5 });
    expect(result.rttsMs).toHaveLength(5);
    for (const rttMs of result.rttsMs) {
      expect(rttMs).toBeGreaterThan(0);
      expect(rttMs).toBeLessThan(options.timeoutMs);
    }
  });

  test.each([0, 1, 1473, 20_000])('carries %i bytes, in fragments if necessary', async (size) => {
    const { left } = createTwoNamespaces();

    const result = await left.namespace.run(() => ping(ipv4(2), { count: 1, size }));

    expect(result.received).toBe(1);
  });

  test('counts only its own answers when two pings run at the same time', async () => {
    const { left } = createTwoNamespaces();

    const results = await left.namespace.run(() =>
      Promise.all([
        ping(ipv4(2), { count: 10, intervalMs: 1 }),
        ping(ipv4(2), { count: 10, intervalMs: 1 }),
      ]),
    );

    expect(results.map(({ received }) => received)).toEqual([10, 10]);
  });

  test('ends after the time-out without an answer', async () => {
    const { left } = createTwoNamespaces();

    const result = await left.namespace.run(() =>
      ping(ipv4(77), { count: 2, intervalMs: 10, timeoutMs: 50 }),
    );

    expect(result).toEqual({ sent: 2, received: 0, rttsMs: [] });
  });

  test('returns the errno when nothing could be sent', async () => {
    const { left } = createTwoNamespaces();

    const result = await left.namespace.run(() =>
      ping(Uint8Array.of(198, 51, 100, 1), { count: 1, timeoutMs: 10 }),
    );

    expect(result).toMatchObject({ sent: 1, received: 0, sendError: 'ENETUNREACH' });
  });
});
