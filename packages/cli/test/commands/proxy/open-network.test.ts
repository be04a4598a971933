import { parseConfig } from '@litz/config';
import { describe, expect, test } from 'vitest';
import { openNetwork } from '../../../src/commands/proxy/open-network.ts';
import { keyPair } from '../../key-pair.ts';

const { privateKey, publicKey } = keyPair();
const PEER = ['[Peer]', `PublicKey = ${publicKey}`, 'AllowedIPs = 0.0.0.0/0'];
const KEY = `PrivateKey = ${privateKey}`;

describe('openNetwork', () => {
  test.each<[what: string, lines: string[], error: RegExp]>([
    ['an address', ['[Interface]', KEY, ...PEER], /^wg0\.conf: Address: /],
    ['a key', ['[Interface]', 'Address = 10.0.0.1/32', ...PEER], /^wg0\.conf: PrivateKey: /],
    [
      'an endpoint',
      ['[Interface]', KEY, 'Address = 10.0.0.1/32', ...PEER],
      /^wg0\.conf: Endpoint: /,
    ],
  ])('refuses a file without %s, and names the missing field', async (_, lines, error) => {
    const config = parseConfig(lines.join('\n'), { file: 'wg0.conf' });
    const { signal } = new AbortController();
    const opened = openNetwork(config, { file: 'wg0.conf', signal, log: () => {} });
    await expect(opened).rejects.toThrow(error);
  });
});
