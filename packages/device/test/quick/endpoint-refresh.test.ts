import { EventEmitter } from 'node:events';
import { type PublicKey } from '@litz/core';
import { createPerson } from '@litz/testkit';
import { describe, expect, test } from 'vitest';
import type { DeviceEvents } from '../../src/index.ts';
import { EndpointRefresh, type EndpointRefreshOptions } from '../../src/quick/index.ts';
import { parseEndpoint, type Endpoint } from '@litz/core';

const PEER = createPerson(2).publicKey;
const OTHER = createPerson(3).publicKey;

describe('EndpointRefresh', () => {
  test('does nothing for a peer that answers', async () => {
    const { device, lookups, silent } = followed(['192.0.2.2']);
    await silent(1);
    device.trace('response-received', 1);
    await device.settled();
    expect(lookups).toEqual([]);
    expect(device.endpoints).toEqual([]);
  });

  test('gives a silent peer the new address of its name', async () => {
    const { device, lookups, lines, silent } = followed(['192.0.2.9']);
    await silent(2);
    expect(lookups).toEqual(['vpn.example']);
    expect(device.endpoints).toEqual(['192.0.2.9:51820']);
    expect(lines[0]).toContain('vpn.example is 192.0.2.9:51820');
  });

  test('treats a peer as silent after two retries in a row, even if new packets set `sends` back to 1', async () => {
    const { device, lookups, silent } = followed(['192.0.2.9']);
    await silent(1);
    device.trace('response-received', 1);
    await silent(1);
    device.trace('initiation-received', 1);
    await silent(1);
    expect(lookups).toEqual([]);
    await silent(1);
    expect(lookups).toEqual(['vpn.example']);
  });

  test('tries the other version of IP, and then the first again', async () => {
    const { device, silent } = followed(['192.0.2.1', '2001:db8::1']);
    for (const sends of [2, 3, 4]) await silent(sends);
    expect(device.endpoints).toEqual([
      '[2001:db8::1]:51820',
      '192.0.2.1:51820',
      '[2001:db8::1]:51820',
    ]);
  });

  test('does not look a name up again before the interval is over', async () => {
    const { clock, lookups, silent } = followed(['192.0.2.9']);
    await silent(2);
    clock.now -= 10_000;
    await silent(3);
    expect(lookups.length).toBe(1);
    clock.now += 10_000;
    await silent(4);
    expect(lookups.length).toBe(2);
  });

  test('continues after a look-up that failed', async () => {
    const addresses: string[] = [];
    const { device, lines, silent } = followed(addresses);
    await silent(2);
    expect(lines[0]).toContain('vpn.example was not found: no such host');
    addresses.push('192.0.2.9');
    await silent(3);
    expect(device.endpoints).toEqual(['192.0.2.9:51820']);
  });

  test('says that the device has refused an address, and not that the name was not found', async () => {
    const { device, lines, silent } = followed(['192.0.2.9']);
    device.configure = () => Promise.reject(new Error('the device is closed'));
    await silent(2);
    expect(lines[0]).toContain(
      'does not answer, and its endpoint could not be changed to 192.0.2.9:51820: the device is closed',
    );
  });

  test('does not touch a peer that was forgotten, nor one that it never knew', async () => {
    const { device, lookups, refresh, silent } = followed(['192.0.2.9']);
    device.trace('retrying', 5, OTHER);
    refresh.forget(PEER);
    await silent(2);
    expect(lookups).toEqual([]);
    expect(device.listenerCount('trace')).toBe(0);
  });

  test('does not configure a peer that is forgotten during the look-up', async () => {
    const { device, refresh, silent } = followed(['192.0.2.9'], {
      lookup: async () => {
        refresh.forget(PEER);
        return ['192.0.2.9'];
      },
    });
    await silent(2);
    expect(device.endpoints).toEqual([]);
  });

  test('refuses a wrong port', () => {
    const refresh = new EndpointRefresh({ device: new FakeDevice() });
    const peer = { publicKey: PEER, host: 'vpn.example', port: 0 };
    expect(() => refresh.follow(peer)).toThrow('"port" expected an integer from 1 to 65535');
  });
});

/** A fake device. It reports the steps of handshakes, and records new endpoints. */
class FakeDevice extends EventEmitter<DeviceEvents> {
  /** The endpoints that it was given. */
  readonly endpoints: string[] = [];

  async configure({ peers = [] }: Parameters<EndpointRefreshOptions['device']['configure']>[0]) {
    // Without `updateOnly`, the change would add a peer again that was removed meanwhile.
    for (const { endpoint, updateOnly } of peers) {
      if (updateOnly) this.endpoints.push(String(endpoint));
    }
  }

  trace(step: DeviceEvents['trace'][0]['step'], sends: number, peer: PublicKey = PEER): void {
    this.emit('trace', { peer, step, sends });
  }

  /** Resolves when all work in progress is done. No work in these tests waits for a timer. */
  async settled(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Follows a peer whose endpoint is 192.0.2.1, and whose name has these addresses. With an empty
 * list, look-ups fail.
 */
function followed(addresses: string[], options: Partial<EndpointRefreshOptions> = {}) {
  const device = new FakeDevice();
  const clock = { now: 0 };
  const lookups: string[] = [];
  const lines: string[] = [];
  const refresh = new EndpointRefresh({
    device,
    now: () => clock.now,
    lookup: async (host) => {
      lookups.push(host);
      if (addresses.length === 0) throw new Error('no such host');
      return addresses;
    },
    log: (line) => lines.push(line),
    ...options,
  });
  const endpoint = parseEndpoint('192.0.2.1:51820') as Endpoint;
  refresh.follow({ publicKey: PEER, host: 'vpn.example', port: 51_820, endpoint });
  /** Reports a retry of the handshake, after ten more seconds without an answer. */
  const silent = async (sends: number): Promise<void> => {
    clock.now += 10_000;
    device.trace('retrying', sends);
    await device.settled();
  };
  return { device, clock, lookups, lines, refresh, silent };
}
