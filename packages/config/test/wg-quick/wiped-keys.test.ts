import type * as Core from '@litz/core';
import { isZeroKey } from '@litz/core/internals';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { wipeSecrets } from '../../src/device-change.ts';
import { formatConfig } from '../../src/wg-quick/format-config.ts';
import { parseConfig } from '../../src/wg-quick/parse-config.ts';
import { toDeviceConfiguration } from '../../src/wg-quick/to-device-configuration.ts';

/** All secret keys that were parsed. */
const made = vi.hoisted((): Uint8Array[] => []);

vi.mock('@litz/core', async (load) => {
  const core = await load<typeof Core>();
  return {
    ...core,
    parsePrivateKey: remembered(core.parsePrivateKey),
    parsePresharedKey: remembered(core.parsePresharedKey),
  };
});

const [PRIVATE, OTHER, PUBLIC, PRESHARED] = [1, 2, 3, 4].map((fill) =>
  Buffer.alloc(32, fill).toString('base64'),
);
const FILE = `[Interface]
PrivateKey = ${PRIVATE}
[Peer]
PublicKey = ${PUBLIC}
PresharedKey = ${PRESHARED}
`;

beforeEach(() => {
  made.length = 0;
});

function remembered<Key extends Uint8Array>(
  parse: (input: string | Uint8Array) => Key,
): (input: string | Uint8Array) => Key {
  return (input) => {
    const key = parse(input);
    made.push(key);
    return key;
  };
}

describe('parsed secret keys', () => {
  it('are wiped after the file was read, except the keys of the config', () => {
    const config = parseConfig(FILE.replace('[Peer]', `PrivateKey = ${OTHER}\n[Peer]`));
    expect(made).toHaveLength(3);
    expect(left()).toEqual([config.interface.privateKey, config.peers[0].presharedKey]);
  });

  it('are wiped when the file has a mistake', () => {
    expect(() => parseConfig(`${FILE}Endpoint = nowhere\n`)).toThrow('Endpoint');
    expect(made).toHaveLength(2);
    expect(left()).toEqual([]);
  });

  it('are wiped after the file was written, except the keys of the config', () => {
    const config = parseConfig(FILE);
    config.interface.listenPort = 5;
    expect(formatConfig(config)).toContain(PRIVATE);
    expect(made.length).toBeGreaterThan(2);
    expect(left()).toEqual([config.interface.privateKey, config.peers[0].presharedKey]);
  });

  it('are wiped if toDeviceConfiguration copied them before it found a mistake', () => {
    const config = parseConfig(
      `${FILE}[Peer]\nPublicKey = ${OTHER}\nEndpoint = vpn.example.org:1\n`,
    );
    expect(() => toDeviceConfiguration(config)).toThrow('vpn.example.org');
    wipeSecrets({ ...config.interface, peers: config.peers });
    expect(made.length).toBeGreaterThan(2);
    expect(left()).toEqual([]);
  });
});

function left(): Uint8Array[] {
  return made.filter((key) => !isZeroKey(key));
}
