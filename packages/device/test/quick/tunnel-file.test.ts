import { Endpoint, formatKey } from '@litz/core';
import { ConfigError, formatAddress, formatCidr, parseCidr } from '@litz/config';
import { describe, expect, test } from 'vitest';
import {
  parseTunnelFile,
  originOfStep,
  resolveEndpoints,
  toTunnelRequest,
  type Step,
  type TunnelFile,
} from '../../src/quick/index.ts';
import { ALICE, BOB } from '../in-memory.ts';

describe('parseTunnelFile', () => {
  test.each(['1.2.3', '192.0.2.256', '192.0.2.53:53', 'fd00::g', '::1%'])(
    'refuses %j as a DNS server, and names it with its line',
    (word) => {
      const { problems } = failureOf(() => read('[Interface]', 'DNS = ::1', `DNS = a.b, ${word}`));
      const message = `expected the address of a server or a search domain, got "${word}"`;
      expect(problems).toEqual([{ file: 'wg0.conf', line: 3, field: 'DNS', message }]);
    },
  );

  test('lists all mistakes at once, in the order of the file', () => {
    const lines = ['[Interface]', 'DNS = 1.2', 'MTU = 70', 'Address = fd00::1/64', 'DNS = ::x'];
    const { problems } = failureOf(() => read(...lines));
    expect(problems.map(({ line, field }) => `${line} ${field}`)).toEqual([
      '2 DNS',
      '3 MTU',
      '5 DNS',
    ]);
  });

  test.each(['DNS =', 'DNS = ,', 'PreUp =', 'PostUp = # none', 'PreDown =', 'PostDown ='])(
    'accepts %j, whose value is empty',
    (line) => {
      expect(read('[Interface]', line).config.peers).toEqual([]);
    },
  );

  test.each([
    ['Table = office', 200],
    ['Table = 0xca6c', 51820],
    ['Table = 0', 254],
    ['Table = off', 'off'],
    ['Table =', 'auto'],
    ['', 'auto'],
  ])('reads the table of %j', (line, table) => {
    const routingTables = new Map([['office', 200]]);
    const file = parseTunnelFile(`[Interface]\n${line}\n`, {
      file: 'wg0.conf',
      name: 'wg0',
      routingTables,
    });
    expect(toTunnelRequest(file, new Map()).table).toBe(table);
  });

  test('refuses a table name that is not defined', () => {
    expect(failureOf(() => read('[Interface]', 'Table = OFF')).message).toBe(
      'wg0.conf:2: Table: expected "off", "auto", a number or a name of /etc/iproute2/rt_tables, got "OFF"',
    );
  });

  test('accepts SaveConfig = false and an MTU', () => {
    expect(read('[Interface]', 'SaveConfig = false', 'MTU = 1280').config.interface.mtu).toBe(1280);
  });

  test.each([
    ['MTU = 65457', 'Address = 10.0.0.1/24', 'expected at most 65456, got 65457'],
    ['MTU = 1279', 'Address = fd00::1/64', 'expected at least 1280 with an IPv6 Address, got 1279'],
  ])('refuses %s with %s', (mtu, address, message) => {
    expect(failureOf(() => read('[Interface]', address, mtu)).message).toBe(
      `wg0.conf:3: MTU: ${message}`,
    );
  });

  test("reports the parser's errors", () => {
    expect(failureOf(() => read('[Interface]', 'Adress = 10.0.0.1/24')).message).toBe(
      'wg0.conf:2: Adress: is not a field of [Interface]',
    );
  });
});

describe('resolveEndpoints', () => {
  test('looks up each name, but no address', async () => {
    const asked: string[] = [];
    const file = read(...peer(BOB_KEY, 'vpn.example.org:1'), ...peer(ALICE_KEY, '192.0.2.1:2'));
    const found = await resolveEndpoints(file, {
      lookup: async (host) => (asked.push(host), '2001:db8::7'),
    });
    expect(asked).toEqual(['vpn.example.org']);
    const [endpoint] = [...found.values()];
    expect(endpoint).toEqual(new Endpoint(parseCidr('2001:db8::7').address, 1));
    expect(toTunnelRequest(file, found).endpoints.map(formatAddress)).toEqual([
      '2001:db8::7',
      '192.0.2.1',
    ]);
  });

  test('names the line of a name that does not exist, and stops the other look-ups', async () => {
    const waits: AbortSignal[] = [];
    const file = read(...peer(BOB_KEY, 'slow.example:1'), ...peer(ALICE_KEY, 'none.example:2'));
    const failed = resolveEndpoints(file, {
      lookup: async (host) => {
        const code = host === 'none.example' ? 'ENOTFOUND' : 'EAI_AGAIN';
        throw Object.assign(new Error(code), { code });
      },
      sleep: (_ms, signal) =>
        new Promise((_resolve, reject) => {
          waits.push(signal!);
          signal!.addEventListener('abort', () => reject(signal!.reason as Error));
        }),
    });
    await expect(failed).rejects.toMatchObject({
      code: 'ERR_LITZ_INVALID_ENDPOINT',
      message:
        'wg0.conf:6: Endpoint: cannot resolve the endpoint "none.example:2": no such host (ENOTFOUND)',
    });
    expect(waits.map((signal) => signal.aborted)).toEqual([true]);
  });
});

describe('toTunnelRequest', () => {
  test('uses the prefixes that each peer ends up with', () => {
    const file = read(
      ...peer(BOB_KEY, '192.0.2.1:1'),
      'AllowedIPs = 10.0.0.0/8, +10.1.0.0/16, -10.0.0.0/8',
      ...peer(ALICE_KEY, '192.0.2.1:1'),
      'AllowedIPs = 10.2.0.0/16',
      ...peer(ALICE_KEY, '192.0.2.1:1'),
      'AllowedIPs = 10.3.0.0/16',
    );
    const { allowedIps } = toTunnelRequest(file, new Map());
    expect(allowedIps.map((prefixes) => prefixes.map(formatCidr))).toEqual([
      ['10.1.0.0/16'],
      ['10.3.0.0/16'],
    ]);
  });

  test('leaves out a peer whose public key is that of the interface, as a device does', () => {
    const file = read(
      '[Interface]',
      `PrivateKey = ${formatKey(ALICE.privateKey)}`,
      ...peer(ALICE_KEY, '192.0.2.1:1'),
      'AllowedIPs = 10.2.0.0/16',
      ...peer(BOB_KEY, '192.0.2.2:1'),
      'AllowedIPs = 10.3.0.0/16',
    );
    const { allowedIps, endpoints } = toTunnelRequest(file, new Map());
    expect(allowedIps.map((prefixes) => prefixes.map(formatCidr))).toEqual([['10.3.0.0/16']]);
    expect(endpoints.map(formatAddress)).toEqual(['192.0.2.2']);
  });

  test('ignores a link-local endpoint, whose text names the link', () => {
    const texts = ['[fe80::7%wan]:1', '[fe80::7%5]:1', '[2001:db8::7]:1', '[::ffff:192.0.2.1]:1'];
    const { endpoints } = toTunnelRequest(
      read(...texts.flatMap((text) => peer(BOB_KEY, text))),
      new Map(),
    );
    expect(endpoints.map(formatAddress)).toEqual(['2001:db8::7', '192.0.2.1']);
  });

  test('splits DNS as wg-quick does, and puts the name of the interface into hooks', () => {
    const file = read(
      '[Interface]',
      'DNS = 192.0.2.53, home.example, fe80::1%wan',
      'DNS = office',
      'PostUp = ip route add 10.0.0.0/8 dev %i # all',
      'PostUp = echo %i,%i',
      'PreDown = true',
    );
    expect(toTunnelRequest(file)).toMatchObject({
      dns: { servers: ['192.0.2.53', 'fe80::1%wan'], searchDomains: ['home.example', 'office'] },
      hooks: {
        preUp: [],
        postUp: ['ip route add 10.0.0.0/8 dev wg0', 'echo wg0,wg0'],
        preDown: ['true'],
        postDown: [],
      },
    });
  });

  test('takes table, mark and MTU from [Interface]', () => {
    const file = read('[Interface]', 'Table = 7', 'FwMark = 0x10', 'MTU = 1300');
    expect(toTunnelRequest(file, new Map())).toMatchObject({ table: 7, mark: 16, mtu: 1300 });
    expect(toTunnelRequest(read('[Interface]'), new Map())).toMatchObject({
      table: 'auto',
      mark: 0,
    });
  });
});

describe('originOfStep', () => {
  const file = read(
    '[Interface]',
    'Address = 10.0.0.1/24  10.0.0.2/24, 10.0.0.3/255.255.255.0,',
    'Address = 10.0.0.1/24',
    'ListenPort = 7',
    ...peer(BOB_KEY, '192.0.2.1:1'),
    'Allowed IPs = 10.9. 0.7/16, fd00::/8',
  );

  test('returns the last line with the address', () => {
    expect(originOfStep(file, addAddress('10.0.0.1/24'))).toBe('wg0.conf:3: Address');
    expect(originOfStep(file, addAddress('10.0.0.2/24'))).toBe('wg0.conf:2: Address');
    expect(originOfStep(file, addAddress('10.0.0.3/24'))).toBe('wg0.conf:2: Address');
  });

  test('returns the AllowedIPs of a route, and the ListenPort of a link that cannot go up', () => {
    const destination = parseCidr('10.9.0.0/16');
    expect(originOfStep(file, { type: 'add-route', destination, table: 254 })).toBe(
      'wg0.conf:8: AllowedIPs',
    );
    expect(originOfStep(file, { type: 'set-up', mtu: 1420 })).toBe('wg0.conf:4: ListenPort');
  });

  test('returns undefined if no field caused the step', () => {
    expect(originOfStep(file, { type: 'create-link', name: 'wg0' })).toBeUndefined();
    expect(originOfStep(file, { type: 'configure', peers: 1, mark: 7 })).toBeUndefined();
  });
});

function read(...lines: string[]): TunnelFile {
  return parseTunnelFile(lines.join('\n'), { file: 'wg0.conf', name: 'wg0' });
}

function addAddress(text: string): Step {
  return { type: 'add-address', address: parseCidr(text) };
}

function peer(key: string, endpoint: string): string[] {
  return ['[Peer]', `PublicKey = ${key}`, `Endpoint = ${endpoint}`];
}

function failureOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected a ConfigError, nothing was thrown');
}

const ALICE_KEY = formatKey(ALICE.publicKey);
const BOB_KEY = formatKey(BOB.publicKey);
