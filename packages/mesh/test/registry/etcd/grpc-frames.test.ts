import { describe, expect, test } from 'vitest';
import { EtcdError } from '../../../src/registry/etcd/etcd-error.ts';
import { frameOf, FrameReader } from '../../../src/registry/etcd/grpc-frames.ts';

const MESSAGES = [new Uint8Array(), Uint8Array.of(1), new Uint8Array(300).fill(7)];
const FRAMES = Buffer.concat(MESSAGES.map(frameOf));

describe('FrameReader', () => {
  test.each([1, 2, 4, 5, 6, 100, 1000])('joins pieces of %i bytes', (size) => {
    const reader = new FrameReader();
    const messages: Uint8Array[] = [];
    for (let at = 0; at < FRAMES.length; at += size) {
      messages.push(...reader.push(FRAMES.subarray(at, at + size)));
    }
    expect(messages).toEqual(MESSAGES);
  });

  test('returns copies', () => {
    const bytes = Uint8Array.from(FRAMES);
    const messages = new FrameReader().push(bytes);
    bytes.fill(0xff);
    expect(messages).toEqual(MESSAGES);
  });

  test('joins a large message once, not with each piece', () => {
    const reader = new FrameReader();
    const frame = frameOf(new Uint8Array(15 * 1024 * 1024));
    const piece = 1024;
    const began = process.cpuUsage();
    let messages: Uint8Array[] = [];
    for (let at = 0; at < frame.length; at += piece) {
      messages = reader.push(frame.subarray(at, at + piece));
    }
    expect(messages.map(({ length }) => length)).toEqual([15 * 1024 * 1024]);
    // Joining with each piece would copy about 120 gigabytes.
    expect(process.cpuUsage(began).user).toBeLessThan(3_000_000);
  });

  test('keeps the bytes of a piece, not the piece, which may be a view of a large buffer', () => {
    const reader = new FrameReader();
    const messages: Uint8Array[] = [];
    const piece = new Uint8Array(1);
    for (const byte of FRAMES) {
      piece[0] = byte;
      messages.push(...reader.push(piece));
    }
    expect(messages).toEqual(MESSAGES);
  });

  test('refuses a compressed message', () => {
    const frame = frameOf(Uint8Array.of(1));
    frame[0] = 1;
    expect(() => new FrameReader().push(frame)).toThrow(/compresses/);
  });

  test('refuses a message of more than 16 MiB as soon as its length is known', () => {
    const header = Uint8Array.of(0, 0x01, 0, 0, 1);
    const error = thrownBy(() => new FrameReader().push(header));
    expect(error).toBeInstanceOf(EtcdError);
    expect((error as EtcdError).isTooLarge).toBe(true);
  });
});

function thrownBy(run: () => void): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
