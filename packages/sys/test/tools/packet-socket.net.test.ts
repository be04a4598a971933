import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { PacketSocket, ping } from '../../src/tools/index.ts';
import { linuxCalls, namespaces } from '../requirements.ts';
import { createTwoNamespaces, ipv4, type Side } from '../two-namespaces.ts';

const ETHERNET_HEADER_LENGTH = 14;

describeWith([linuxCalls, namespaces], 'PacketSocket', () => {
  test('receives the bytes of all frames in both directions', async () => {
    const { left } = createTwoNamespaces();
    const capture = captureOn(left);

    await left.namespace.run(() => ping(ipv4(2), { count: 1, size: 40 }));

    const echoes = readAll(capture).filter(({ frame }) => isIcmp(frame));
    expect(echoes.map(({ frame, outgoing }) => [frame[34], outgoing])).toEqual([
      [8, true],
      [0, false],
    ]);
    const payload = echoes[0]?.frame.subarray(ETHERNET_HEADER_LENGTH + 20 + 8);
    expect(payload).toEqual(Uint8Array.from({ length: 40 }, (_, i) => i + 8));
    expect(capture.drops).toBe(0);
  });

  test('returns 0 when there is no frame', () => {
    const { left } = createTwoNamespaces();
    const index = left.netlink.linkByName('lo')?.index ?? 0;
    const capture = captureOn({ ...left, index });

    expect(capture.read(new Uint8Array(2048))).toBe(0);
  });

  test('returns the original length of a truncated frame', async () => {
    const { left } = createTwoNamespaces();
    await left.namespace.run(() => ping(ipv4(2), { count: 1 }));
    const capture = captureOn(left);

    await left.namespace.run(() => ping(ipv4(2), { count: 1, size: 1000 }));

    const lengths: number[] = [];
    for (let n = 1; n > 0;) lengths.push((n = capture.read(new Uint8Array(200))));
    expect(lengths).toContain(ETHERNET_HEADER_LENGTH + 20 + 8 + 1000);
  });

  test('counts frames that were not read in time', async () => {
    const { left } = createTwoNamespaces();
    const capture = captureOn(left, 4096);

    await left.namespace.run(() => ping(ipv4(2), { count: 50, intervalMs: 0, size: 1000 }));

    const { drops } = capture;
    expect(drops).toBeGreaterThan(0);
    expect(capture.drops).toBe(drops);
  });

  test('continues after the link goes down', () => {
    const { left } = createTwoNamespaces();
    const capture = captureOn(left);

    left.netlink.setLink(left.index, { up: false });

    expect(() => readAll(capture)).not.toThrow();
  });

  test('throws the errno for an interface that does not exist', () => {
    const { left } = createTwoNamespaces();

    expect(() => captureOn({ ...left, index: 4711 })).toThrow(
      expect.objectContaining({ syscall: 'bind', errno: 'ENODEV' }),
    );
  });
});

function captureOn({ namespace, index }: Side, receiveBuffer?: number): PacketSocket {
  const options = receiveBuffer === undefined ? {} : { receiveBuffer };
  const capture = namespace.run(() => new PacketSocket(index, options));
  onTestFinished(() => capture.close());
  return capture;
}

function readAll(capture: PacketSocket): { frame: Uint8Array; outgoing: boolean }[] {
  const frames: { frame: Uint8Array; outgoing: boolean }[] = [];
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = capture.read(buffer);
    if (length === 0) return frames;
    frames.push({ frame: buffer.slice(0, length), outgoing: capture.outgoing });
  }
}

function isIcmp(frame: Uint8Array): boolean {
  return frame[12] === 0x08 && frame[13] === 0x00 && frame[23] === 1;
}
