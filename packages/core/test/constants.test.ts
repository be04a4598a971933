import { describe, expect, it } from 'vitest';
import {
  MAX_MTU,
  NEW_HANDSHAKE_AFTER_MS,
  REJECT_AFTER_MESSAGES,
  REKEY_AFTER_TIME_RECEIVING_MS,
  ZERO_KEY_MATERIAL_AFTER_MS,
} from '../src/constants.ts';

describe('constants that are computed from others', () => {
  it('have the expected values', () => {
    expect(ZERO_KEY_MATERIAL_AFTER_MS).toBe(540_000);
    expect(REKEY_AFTER_TIME_RECEIVING_MS).toBe(165_000);
    expect(NEW_HANDSHAKE_AFTER_MS).toBe(15_000);
    expect(REJECT_AFTER_MESSAGES).toBe(2 ** 53 - 2 ** 13 - 1);
    // 65,535 minus 28 for the headers of IPv4 and UDP, minus 32 for header and tag of a message.
    expect(MAX_MTU).toBe(65_475);
  });
});
