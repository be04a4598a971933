import { PresharedKey, PrivateKey, PublicKey } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { keyLogBlockLength, writeKeyLogBlock } from '../../src/capture/key-log-block.ts';
import { readBlocks } from './read-pcapng.ts';

const ALL_LETTERS = Uint8Array.from({ length: 32 }, (_, i) => (i * 41 + 3) & 255);

describe('writeKeyLogBlock', () => {
  it.each([false, true])('writes the lines that Wireshark reads (preshared key: %s)', (hasPsk) => {
    const secrets = {
      staticPrivate: new PrivateKey(ALL_LETTERS),
      peer: new PublicKey(32),
      remoteStaticPublic: new PublicKey(new Uint8Array(32).fill(0xfb)),
      ephemeralPrivate: new Uint8Array(32).fill(0xff),
      presharedKey: hasPsk ? new PresharedKey(new Uint8Array(32).fill(7)) : undefined,
    };
    const memory = new Uint8Array(600).fill(0xee);
    const length = writeKeyLogBlock(memory, new DataView(memory.buffer), 8, secrets);
    expect(length).toBe(keyLogBlockLength(secrets));
    const [block] = readBlocks(memory.subarray(8, 8 + length));
    expect(block.type).toBe(10);
    expect(block.body.readUInt32LE(0)).toBe(0x57474b4c);
    const textLength = block.body.readUInt32LE(4);
    const base64 = (key: Uint8Array): string => Buffer.from(key).toString('base64');
    expect(block.body.subarray(8, 8 + textLength).toString()).toBe(
      `LOCAL_STATIC_PRIVATE_KEY=${base64(ALL_LETTERS)}\n` +
        `REMOTE_STATIC_PUBLIC_KEY=${base64(secrets.remoteStaticPublic)}\n` +
        `LOCAL_EPHEMERAL_PRIVATE_KEY=${base64(secrets.ephemeralPrivate)}\n` +
        (hasPsk ? `PRESHARED_KEY=${base64(new Uint8Array(32).fill(7))}\n` : ''),
    );
    expect([...block.body.subarray(8 + textLength)].every((byte) => byte === 0)).toBe(true);
  });
});
