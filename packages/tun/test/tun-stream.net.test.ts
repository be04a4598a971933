import { once } from 'node:events';
import { linux, type SystemError } from '@litz/sys';
import { ping } from '@litz/sys/tools';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { TunStream, type TunStreamOptions } from '../src/index.ts';
import { createNamespace, createNetlink, createTun, pollOnce } from './namespace.ts';
import { builtTun, tunDevices } from './requirements.ts';

describeWith([tunDevices, builtTun], 'TunStream', () => {
  test('has the properties of node-tuntap2', () => {
    const { stream } = opened({ name: 'tun7', mtu: 1400 });
    expect(stream).toMatchObject({
      name: 'tun7',
      isTun: true,
      isTap: false,
      mac: '00:00:00:00:00:00',
      mtu: 1400,
      isUp: false,
      ipv4: undefined,
      ipv6: undefined,
    });
    stream.mtu = 1300;
    stream.ipv4 = '10.20.0.1/24';
    stream.ipv6 = 'fd20::1/64';
    stream.isUp = true;
    expect(stream).toMatchObject({
      mtu: 1300,
      ipv4: '10.20.0.1/24',
      ipv6: 'fd20::1/64',
      isUp: true,
    });
    stream.isUp = false;
    expect(stream.isUp).toBe(false);
  });

  test('replaces and removes an address', () => {
    const { stream } = opened();
    stream.ipv4 = '10.20.0.1/24';
    stream.ipv4 = '10.21.0.1/16';
    expect(stream.ipv4).toBe('10.21.0.1/16');
    stream.ipv4 = undefined;
    expect(stream.ipv4).toBeUndefined();
  });

  test.each([
    ['ipv4', 'fd20::1/64'],
    ['ipv4', '10.20.0.1'],
    ['ipv4', '10.20.0.1/33'],
    ['ipv6', '10.20.0.1/24'],
    ['ipv6', 'fd20::1/129'],
  ] as const)('refuses %s = %s, and leaves the address', (property, text) => {
    const { stream } = opened();
    stream.ipv4 = '10.20.0.1/24';
    expect(() => (stream[property] = text)).toThrow(`"${property}" expected an address like`);
    expect(stream.ipv4).toBe('10.20.0.1/24');
  });

  test('transmits one packet per chunk, in both directions', async () => {
    const { namespace, stream } = up();
    const lengths: number[] = [];
    stream.on('data', (packet: Buffer) => {
      lengths.push(packet.length);
      stream.write(echoReply(packet));
    });
    const pinged = namespace.run(() => ping(PEER, { count: 20, intervalMs: 1, size: 1000 }));
    expect(await pinged).toMatchObject({ sent: 20, received: 20 });
    expect(lengths).toEqual(Array.from({ length: 20 }, () => 20 + 8 + 1000));
  });

  test('keeps packets that are not read yet, and returns them in order', async () => {
    const { namespace, stream } = up();
    await namespace.run(() => ping(PEER, { count: 5, intervalMs: 1, timeoutMs: 10 }));
    const sequences: number[] = [];
    for await (const packet of stream) {
      sequences.push((packet as Buffer).readUInt16BE(20 + 6));
      if (sequences.length === 5) break;
    }
    expect(sequences).toEqual([0, 1, 2, 3, 4]);
  });

  test('emits drop for a packet that the kernel refuses, and continues', async () => {
    const { namespace, stream } = up();
    const dropped = once(stream, 'drop');
    stream.write(Uint8Array.of(0));
    const [error] = (await dropped) as [SystemError];
    expect(error).toMatchObject({ errno: 'EINVAL', syscall: 'write' });
    stream.on('data', (packet: Buffer) => stream.write(echoReply(packet)));
    expect(await namespace.run(() => ping(PEER, { count: 1 }))).toMatchObject({ received: 1 });
  });

  test('emits drop for packets that are written while the interface is down', async () => {
    const { stream } = opened();
    stream.ipv4 = '10.20.0.1/24';
    const dropped = once(stream, 'drop');
    stream.write(Buffer.alloc(20, 0x45));
    expect(await dropped).toMatchObject([{ errno: 'EIO' }]);
    expect(stream.destroyed).toBe(false);
  });

  test('reads packets of IPv6', async () => {
    const { namespace, stream } = opened();
    stream.ipv6 = 'fd20::1/64';
    stream.isUp = true;
    const request = once(stream, 'data') as Promise<[Buffer]>;
    await namespace.run(() => ping(PEER6, { count: 1, timeoutMs: 10 }));
    const [packet] = await request;
    expect([packet[0] >> 4, ...packet.subarray(24, 40)]).toEqual([6, ...PEER6]);
  });

  test('has deleted the interface when release returns', async () => {
    const { stream, netlink } = opened({ name: 'tun8' });
    const closed = new Promise<void>((resolve) => stream.release(resolve));
    expect(netlink.linkByName('tun8')).toBeUndefined();
    expect(stream.fd).toBe(-1);
    await closed;
    await new Promise<void>((resolve) => stream.release(resolve));
  });

  test('is destroyed if another program deletes the interface', async () => {
    const { stream, netlink } = up();
    stream.resume();
    const failed = once(stream, 'error');
    netlink.deleteLink(netlink.linkByName(stream.name)!.index);
    const [error] = (await failed) as [SystemError];
    expect(error).toMatchObject({ errno: 'EBADFD' });
    expect(stream.destroyed).toBe(true);
  });

  test('refuses a name that is taken', () => {
    const { namespace } = opened({ name: 'tun9' });
    expect(() => namespace.run(() => new TunStream({ name: 'tun9' }))).toThrow(/EBUSY/);
  });

  test('does not change another device of the namespace', () => {
    const { namespace, stream } = opened();
    const other = createTun(namespace);
    stream.destroy();
    expect(pollOnce(other.fd, linux.POLLIN, 0) & linux.POLLIN).toBe(0);
    expect(other.isUp).toBe(false);
  });
});

function opened(options: TunStreamOptions = {}) {
  const namespace = createNamespace();
  const netlink = createNetlink(namespace);
  const stream = namespace.run(() => new TunStream(options));
  onTestFinished(() => new Promise<void>((resolve) => stream.release(resolve)));
  return { namespace, netlink, stream };
}

/** A stream whose interface is up and has the address 10.20.0.1/24. */
function up() {
  const all = opened();
  all.stream.ipv4 = '10.20.0.1/24';
  all.stream.isUp = true;
  return all;
}

/**
 * Returns the reply to an echo request. The kernel checks the ICMP checksum, which changes by the
 * difference of the types (RFC 1624).
 */
function echoReply(request: Buffer): Buffer {
  const reply = Buffer.from(request);
  reply.set(request.subarray(12, 16), 16);
  reply.set(request.subarray(16, 20), 12);
  reply[20] = 0;
  const sum = request.readUInt16BE(22) + 0x0800;
  reply.writeUInt16BE((sum & 0xffff) + (sum >>> 16), 22);
  return reply;
}

const PEER = Uint8Array.of(10, 20, 0, 2);
const PEER6 = Uint8Array.of(0xfd, 0x20, ...new Uint8Array(13), 2);
