import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { qrText } from '../../src/commands/qr.ts';
import { keyPair } from '../key-pair.ts';

const KEY = keyPair().privateKey;
const TUNNEL = ['[Interface]', `PrivateKey = ${KEY}`, 'Address = 10.0.0.2/32'];

describe('litz qr', () => {
  test('prints the code, and warns about the private key in it and about fields that it leaves out', async () => {
    const { text, warnings } = await run([...TUNNEL, 'PostUp = true', 'SaveConfig = true']);
    expect(text).toMatch(/^█+\n/);
    expect(warnings).toEqual([
      'Warning: the code has the private key. Whoever takes a picture of it can use the tunnel.',
      'The app does not know PostUp, SaveConfig: left out.',
    ]);
  });

  test('prints colour codes only if colours are on, and each line resets the colours', async () => {
    expect((await run(TUNNEL)).text).not.toContain('\x1b');
    const { text } = await run(TUNNEL, { colors: true });
    for (const line of text.trimEnd().split('\n')) {
      // oxlint-disable-next-line no-control-regex -- a colour code begins with ESC
      expect(line).toMatch(/^\x1b\[38;5;16;48;5;231m[ ▀▄█]+\x1b\[0m$/);
    }
  });

  test('refuses a terminal that is too narrow, and says how wide it must be', async () => {
    const [{ length }] = (await run(TUNNEL)).text.split('\n') as [string];
    await expect(run(TUNNEL, { columns: length - 1 })).rejects.toThrow(
      `the code needs ${length} columns, and the terminal has ${length - 1}: make it wider`,
    );
    await run(TUNNEL, { columns: length });
  });

  test.each<[string, string[], RegExp]>([
    ['without a private key', ['[Interface]'], /t\.conf: there is no PrivateKey/],
    ['with a mistake', [...TUNNEL, 'Adress = 1'], /t\.conf:4: .*Adress/],
    ['that is too long', [...TUNNEL, ...peers(40)], /a QR code holds at most 2953: give this/],
  ])('refuses a file %s, and says why', async (_, lines, text) => {
    const failed = run(lines);
    await expect(failed).rejects.toThrow(text);
    await expect(failed).rejects.not.toThrow(KEY);
  });
});

async function run(
  lines: readonly string[],
  { colors = false, columns }: { colors?: boolean; columns?: number } = {},
): Promise<{ text: string; warnings: string[] }> {
  const file = join(mkdtempSync(join(tmpdir(), 'litz-qr-')), 't.conf');
  writeFileSync(file, `${lines.join('\n')}\n`);
  chmodSync(file, 0o600);
  const warnings: string[] = [];
  const warn = (line: string): void => void warnings.push(line);
  return { text: await qrText(file, { colors, columns, warn }), warnings };
}

function peers(count: number): string[] {
  return Array.from({ length: count }, (_, i) => [
    '[Peer]',
    `PublicKey = ${keyPair().publicKey}`,
    `AllowedIPs = 10.0.1.${i}/32`,
  ]).flat();
}
