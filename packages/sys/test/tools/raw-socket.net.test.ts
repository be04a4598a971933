import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { RawSocket } from '../../src/tools/raw-socket.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createTwoNamespaces, ipv4, ipv6, type Side } from '../two-namespaces.ts';

describeWith([linuxCalls, namespaces], 'RawSocket', () => {
  test.each([
    { family: 4, request: 8, own: ipv4(7), other: ipv4(2) },
    { family: 6, request: 128, own: ipv6(7), other: ipv6(2) },
  ] as const)('sends from the address that it was given: IPv$family', async (of) => {
    const { left, right } = createTwoNamespaces();
    left.netlink.addAddress(left.index, { address: of.own, prefixLength: 24 }, { noDad: true });
    const sender = socketOf(left, of.family, [], of.own);
    const receiver = socketOf(right, of.family, [of.request]);

    sender.send(Uint8Array.of(of.request, 0, 0, 0, 1, 2, 3, 4), of.other);

    await expect.poll(() => receiver.receive()?.source).toEqual(of.own);
  });

  test('refuses a source address that this machine does not have', () => {
    const { left } = createTwoNamespaces();
    expect(() => left.namespace.run(() => new RawSocket(4, [], { source: ipv4(99) }))).toThrow(
      'cannot send from an address: bind: EADDRNOTAVAIL',
    );
  });
});

function socketOf(
  side: Side,
  family: 4 | 6,
  accept: readonly number[],
  source?: Uint8Array,
): RawSocket {
  const options = source ? { source } : {};
  const socket = side.namespace.run(() => new RawSocket(family, accept, options));
  onTestFinished(() => socket.close());
  return socket;
}
