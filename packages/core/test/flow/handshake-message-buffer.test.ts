import { describe, expect, it } from 'vitest';
import { BLOCK_LENGTH, HandshakeMessageBuffer } from '../../src/flow/handshake-message-buffer.ts';

describe('HandshakeMessageBuffer', () => {
  it('returns separate zero bytes for each message, over several blocks', () => {
    const buffer = new HandshakeMessageBuffer();
    const messages = Array.from({ length: 300 }, (_, i) => {
      const message = buffer.take(i % 2 === 0 ? 148 : 92);
      expect(message.every((byte) => byte === 0)).toBe(true);
      return message.fill(i + 1);
    });
    for (const [i, message] of messages.entries()) {
      expect(message).toEqual(new Uint8Array(i % 2 === 0 ? 148 : 92).fill(i + 1));
    }
    expect(new Set(messages.map(({ buffer }) => buffer)).size).toBeLessThan(7);
  });

  it('can return a whole block', () => {
    const buffer = new HandshakeMessageBuffer();
    buffer.take(1);
    expect(buffer.take(BLOCK_LENGTH)).toHaveLength(BLOCK_LENGTH);
  });
});
