import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createPresharedKeyLine,
  createPrivateKeyLine,
  publicKeyLine,
  warnIfWorldReadable,
} from '../../src/commands/keys.ts';

describe('keys', () => {
  test.each([
    ['private', createPrivateKeyLine],
    ['preshared', createPresharedKeyLine],
  ])('a %s key is one line of base64, and each call makes a new key', (_, create) => {
    const lines = Array.from({ length: 20 }, create);
    for (const line of lines) expect(line).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
    expect(new Set(lines).size).toBe(20);
  });

  test('a private key is clamped, as X25519 requires', () => {
    for (let i = 0; i < 20; i++) {
      const bytes = Buffer.from(createPrivateKeyLine(), 'base64');
      expect([bytes[0] & 7, bytes[31] & 0xc0]).toEqual([0, 0x40]);
    }
  });

  test('a preshared key is not clamped: all of its bits are random', () => {
    const bytes = Array.from({ length: 64 }, () => Buffer.from(createPresharedKeyLine(), 'base64'));
    expect(bytes.some((key) => (key[0] & 7) !== 0)).toBe(true);
    expect(bytes.some((key) => (key[31] & 0x80) !== 0)).toBe(true);
  });

  test('computes the public key of the example in RFC 7748, section 6.1, and ignores white space around the private key', async () => {
    expect(await publicKeyLine(` ${ALICE.privateKey}\r\n`)).toBe(`${ALICE.publicKey}\n`);
  });

  test.each(['', 'nonsense', 'AAAA', 'A'.repeat(44)])('refuses %j', async (text) => {
    await expect(publicKeyLine(text)).rejects.toThrow(/^pubkey: expected a private key/);
  });

  test('does not show the given text in its error, because the text may be a key', async () => {
    const nearly = 'sECRETsECRETsECRETsECRETsECRETsECRETsECRET0';
    await expect(publicKeyLine(nearly)).rejects.toThrow(/^((?!sECRET).)*$/s);
  });
});

describe('warnIfWorldReadable', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'litz-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each([
    [0o600, 0],
    [0o640, 0],
    [0o604, 1],
  ])('for a file of mode %o, prints %i warnings', (mode, count) => {
    const warnings: string[] = [];
    const before = process.umask(0);
    const fd = openSync(join(folder, mode.toString(8)), 'w', mode);
    process.umask(before);
    warnIfWorldReadable(fd, (line) => warnings.push(line));
    closeSync(fd);
    expect(warnings).toHaveLength(count);
  });

  test('does not warn about a device, such as /dev/null', () => {
    const fd = openSync('/dev/null', 'w');
    const warnings: string[] = [];
    warnIfWorldReadable(fd, (line) => warnings.push(line));
    closeSync(fd);
    expect(warnings).toEqual([]);
  });
});

const ALICE = {
  privateKey: base64('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'),
  publicKey: base64('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a'),
};

function base64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}
