import { Endpoint, formatKey, nobleProvider } from '@litz/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { MemoryTun, type DeviceOptions } from '../src/index.ts';
import { readDeviceOptions } from '../src/options.ts';
import { ALICE, BOB } from './in-memory.ts';

afterEach(() => vi.unstubAllEnvs());

describe('readDeviceOptions', () => {
  it('reads keys, prefixes and endpoints that are given as text', () => {
    const settings = readDeviceOptions({
      tun: { name: 'wg0', mtu: 1380 },
      addresses: ['10.0.0.1/24', 'fd00::1/64'],
      privateKey: formatKey(ALICE.privateKey),
      listenPort: 51820,
      fwmark: 0xca6c,
      peers: [
        {
          publicKey: formatKey(BOB.publicKey),
          presharedKey: null,
          endpoint: '[2001:db8::1]:51820',
          allowedIps: ['10.0.0.2', 'fd00::/8'],
          persistentKeepalive: 25,
        },
      ],
      handshakeGiveUpMs: 5000,
    });
    expect(settings).toMatchObject({
      kind: 'interface',
      tunName: 'wg0',
      common: {
        mtu: 1380,
        up: true,
        addresses: [{ prefixLength: 24 }, { prefixLength: 64 }],
        engine: { handshakeGiveUpMs: 5000 },
        configuration: {
          privateKey: ALICE.privateKey,
          listenPort: 51820,
          fwmark: 0xca6c,
          peers: [
            {
              publicKey: BOB.publicKey,
              presharedKey: null,
              persistentKeepalive: 25,
              allowedIps: [{ prefixLength: 32 }, { prefixLength: 8 }],
            },
          ],
        },
      },
    });
    const { endpoint } = settings.common.configuration.peers?.[0] ?? {};
    expect(endpoint).toBeInstanceOf(Endpoint);
    expect(endpoint).toMatchObject({ port: 51820 });
  });

  it('warms up only if the option is set', () => {
    expect(readDeviceOptions({ tun: 'wg0' }).common.warmUp).toBe(false);
    expect(readDeviceOptions({ tun: 'wg0', warmUp: true }).common.warmUp).toBe(true);
    const wrong = { tun: 'wg0', warmUp: 'yes' } as unknown as DeviceOptions;
    expect(() => readDeviceOptions(wrong)).toThrow('"warmUp" expected');
  });

  it('reads the number of threads from the option, or else from LITZ_THREADS', () => {
    expect(threadsOf()).toBe(1);
    expect(threadsOf('auto')).toBe('auto');
    expect(threadsOf(8)).toBe(8);
    vi.stubEnv('LITZ_THREADS', '3');
    expect(threadsOf()).toBe(3);
    expect(threadsOf(2)).toBe(2);
    vi.stubEnv('LITZ_THREADS', 'auto');
    expect(threadsOf()).toBe('auto');
    vi.stubEnv('LITZ_THREADS', 'many');
    expect(() => threadsOf()).toThrow(
      `"LITZ_THREADS" expected an integer from 1 to 8, or 'auto', got "many"`,
    );
    vi.stubEnv('LITZ_THREADS', '');
    expect(threadsOf()).toBe(1);
  });

  it.each([0, 9, 1.5, NaN, -1, '2', null])(
    'refuses %s threads, and names the limits',
    (threads) => {
      const wrong = { tun: 'wg0', threads } as unknown as DeviceOptions;
      expect(() => readDeviceOptions(wrong)).toThrow(
        /"threads" expected an integer from 1 to 8, or 'auto', got /,
      );
    },
  );

  it('accepts a TUN of the caller unchanged', () => {
    const tun = new MemoryTun();
    expect(readDeviceOptions({ tun, udp: 'portable', crypto: nobleProvider })).toMatchObject({
      kind: 'own',
      tun,
    });
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['tun', { tun: '' }, /"tun" expected the name of an interface, got "": it is empty/],
    ['tun', { tun: 'a/b' }, /"tun" expected/],
    ['tun', { tun: 'sixteen-bytes-is' }, /"tun" expected/],
    ['tun', { tun: '..' }, /"tun" expected/],
    ['tun', { tun: 5 }, /"tun" expected the name of an interface, got a number/],
    ['tun', { tun: undefined }, /"tun" expected the name of an interface, got undefined/],
    ['tun.name', { tun: { name: 7 } }, /"tun.name" expected the name/],
    [
      'tun',
      { tun: { name: 'wg0', mut: 1 } },
      /"tun" expected one of name, mtu, persist, got "mut"/,
    ],
    ['tun.fd', { tun: ownTun({ fd: 4 }) }, /"tun.fd" expected -1, got 4/],
    [
      'mtu',
      { tun: { name: 'wg0', mtu: 67 } },
      /"mtu" expected an integer from 68 to 65475, got 67/,
    ],
    ['mtu', { mtu: '1420' }, /"mtu" expected an integer .* got a string/],
    ['mtu', { tun: ownTun({}), mtu: 1500 }, /"mtu" expected the 1420 of "tun", got 1500/],
    ['up', { up: 1 }, /"up" expected true or false, got a number/],
    ['udp', { udp: 'tcp' }, /"udp" expected 'auto' or 'portable', got "tcp"/],
    ['udp', { udp: 'portable' }, /"udp" expected "auto" for an interface/],
    ['crypto', { crypto: nobleProvider }, /"crypto" expected \{ module, export \}/],
    ['addresses', { addresses: '10.0.0.1/24' }, /"addresses" expected an array, got a string/],
    ['addresses', { addresses: ['10.0.0.1/24', '10.0.0.1/33'] }, /"addresses\[1\]": .*\/33"/],
    ['addresses', { tun: ownTun({}), addresses: ['10.0.0.1/24'] }, /"addresses" expected none/],
    ['listenPort', { listenPort: 65536 }, /"listenPort" expected an integer from 0 to 65535/],
    ['listenPort', { listenPort: '1' }, /"listenPort" .* got a string/],
    ['fwmark', { fwmark: -1 }, /"fwmark" expected an integer from 0 to 4294967295, got -1/],
    ['privateKey', { privateKey: 'short' }, /"privateKey": .*32 bytes/],
    ['privateKey', { privateKey: new Uint8Array(32) }, /"privateKey": .*zeros/],
    ['peers', { peers: {} }, /"peers" expected an array, got Object/],
    ['peers', { peers: ['x'] }, /"peers\[0\]" expected an object, got a string/],
    ['peers', { peers: [{}] }, /"peers\[0\].publicKey": .*undefined/],
    ['peers', peer({ endpiont: '' }), /"peers\[0\]" expected one of publicKey, .* got "endpiont"/],
    ['peers', peer({ endpoint: '1.2.3.4' }), /"peers\[0\].endpoint": expected ADDRESS:PORT/],
    [
      'peers',
      peer({ endpoint: 'example.org:1' }),
      /endpoint" expected an IP address, got the name/,
    ],
    ['peers', peer({ endpoint: 7 }), /"peers\[0\].endpoint" expected 'ADDRESS:PORT', got a number/],
    ['peers', peer({ presharedKey: 'AA' }), /"peers\[0\].presharedKey"/],
    ['peers', peer({ persistentKeepalive: 65536 }), /"peers\[0\].persistentKeepalive"/],
    ['peers', peer({ remove: 'yes' }), /"peers\[0\].remove" expected true or false/],
    ['peers', peer({ allowedIps: '0.0.0.0/0' }), /"peers\[0\].allowedIps" expected an array/],
    ['peers', peer({ allowedIps: ['x'] }), /"peers\[0\].allowedIps\[0\]"/],
    [
      'peers',
      peer({ allowedIps: [{ address: [1] }] }),
      /allowedIps\[0\].address" expected 4 or 16/,
    ],
    [
      'peers',
      allowed({}),
      /allowedIps\[0\].prefixLength" expected an integer from 0 to 32, got undefined/,
    ],
    ['peers', allowed({ prefixLength: 33 }), /allowedIps\[0\].prefixLength" .* 0 to 32, got 33/],
    ['limits', { limits: { rejectAfterMessages: -1 } }, /"limits.rejectAfterMessages"/],
    ['handshakeGiveUpMs', { handshakeGiveUpMs: 0 }, /"handshakeGiveUpMs"/],
    ['name of an option', { listenport: 1 }, /"options" expected one of .* got "listenport"/],
  ])('refuses a wrong %s', (_, wrong, message) => {
    const options = { tun: 'wg0', ...wrong } as DeviceOptions;
    expect(() => readDeviceOptions(options)).toThrow(message);
  });

  it('shows no key bytes in errors', () => {
    const privateKey = formatKey(ALICE.privateKey).slice(1);
    expect(() => readDeviceOptions({ tun: 'wg0', privateKey })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(privateKey.slice(0, 4)) }),
    );
  });
});

function peer(fields: object): { peers: unknown[] } {
  return { peers: [{ publicKey: BOB.publicKey, ...fields }] };
}

function allowed(fields: object): { peers: unknown[] } {
  return peer({ allowedIps: [{ address: Uint8Array.of(10, 0, 0, 0), ...fields }] });
}

function ownTun(fields: object): object {
  return { name: 'own', mtu: 1420, fd: -1, read: () => 0, write: () => 0, ...fields };
}

describe('readDeviceOptions, with a crypto provider', () => {
  it.each<[string, unknown]>([
    ['"crypto" expected an object', 'noble'],
    ['"crypto.dh" expected a function, got undefined', {}],
    ['"crypto.module" expected a string, got number', { module: 5 }],
  ])('says %s', (message, crypto) => {
    const options = { tun: new MemoryTun(), crypto } as never;
    expect(() => readDeviceOptions(options)).toThrow(message);
  });
});

describe('readDeviceOptions, with a priority', () => {
  it('takes the option, then the environment variable, then the real-time priority', () => {
    expect(priorityOf()).toBe('realtime');
    expect(priorityOf('normal')).toBe('normal');
    vi.stubEnv('LITZ_PRIORITY', 'normal');
    expect(priorityOf()).toBe('normal');
    expect(priorityOf('realtime')).toBe('realtime');
    vi.stubEnv('LITZ_PRIORITY', '');
    expect(priorityOf()).toBe('realtime');
  });

  it('names the option or the variable that is wrong', () => {
    expect(() => priorityOf('high' as never)).toThrow(
      `"priority" expected 'realtime' or 'normal', got "high"`,
    );
    expect(() => priorityOf(1 as never)).toThrow('"priority" expected');
    vi.stubEnv('LITZ_PRIORITY', 'low');
    expect(() => priorityOf()).toThrow(
      `"LITZ_PRIORITY" expected 'realtime' or 'normal', got "low"`,
    );
  });
});

function priorityOf(priority?: DeviceOptions['priority']): unknown {
  return readDeviceOptions({ tun: 'wg0', ...(priority !== undefined && { priority }) }).common
    .priority;
}

function threadsOf(threads?: number | 'auto'): unknown {
  return readDeviceOptions({ tun: 'wg0', ...(threads !== undefined && { threads }) }).common
    .threads;
}
