import { EventEmitter } from 'node:events';
import { parseEndpoint, type Endpoint, type PeerStatus } from '@litz/core';
import { createPerson } from '@litz/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DeviceEvents } from '../../src/index.ts';
import { EndpointRefresh, type EndpointRefreshOptions } from '../../src/quick/index.ts';

const PEER = createPerson(2).publicKey;
const NAME = 'vpn.example:51820';
/** Longer than the least time between two look-ups. */
const LATER_MS = 10_000;

describe('EndpointRefresh', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  test('gives a silent peer the new address of its name', async () => {
    const { device, lookups, lines, silent } = named(['192.0.2.9']);
    await silent();
    expect(lookups).toEqual(['vpn.example']);
    expect(device.endpoints).toEqual(['192.0.2.9:51820']);
    expect(lines).toEqual([
      expect.stringMatching(/^the peer .* does not answer: vpn\.example is 192\.0\.2\.9:51820$/),
    ]);
  });

  test('changes and reports nothing if the name has only the present address', async () => {
    const { device, lookups, lines, silent } = named(['192.0.2.1']);
    await silent();
    expect([lookups.length, device.endpoints, lines]).toEqual([1, [], []]);
  });

  test('tries the address of the other IP version, and then the first address again', async () => {
    const { device, silent } = named(['192.0.2.1', '2001:db8::1']);
    for (let i = 0; i < 3; i++) await silent();
    expect(device.endpoints).toEqual([
      '[2001:db8::1]:51820',
      '192.0.2.1:51820',
      '[2001:db8::1]:51820',
    ]);
  });

  test('does not look a name up again before the least time between two look-ups is over', async () => {
    const { device, lookups, silent } = named(['192.0.2.9']);
    for (let i = 0; i < 2; i++) {
      device.report();
      await device.settled();
    }
    expect(lookups.length).toBe(1);
    await silent();
    device.report();
    expect(lookups.length).toBe(2);
  });

  test('looks another name up at once', async () => {
    const { device, lookups } = named(['192.0.2.9']);
    device.report();
    device.status.endpointName = 'other.example:1';
    device.report();
    await device.settled();
    expect(lookups).toEqual(['vpn.example', 'other.example']);
    expect(device.endpoints).toEqual(['192.0.2.9:1']);
  });

  test('reports a failure once, and again only after a look-up has succeeded', async () => {
    const addresses: string[] = [];
    const { device, lines, silent } = named(addresses);
    for (let i = 0; i < 5; i++) await silent();
    expect(lines).toEqual([
      expect.stringContaining('does not answer, and vpn.example was not found: no such host'),
    ]);
    addresses.push('192.0.2.9');
    await silent();
    expect(device.endpoints).toEqual(['192.0.2.9:51820']);
    addresses.length = 0;
    await silent();
    expect(lines.length).toBe(3);
  });

  test('says that the device has refused an address, and not that the name was not found', async () => {
    const { device, lines, silent } = named(['192.0.2.9']);
    device.configure = () => Promise.reject(new Error('the device is closed'));
    await silent();
    expect(lines[0]).toContain(
      'does not answer, and its endpoint could not be changed to 192.0.2.9:51820: the device is closed',
    );
  });

  test.each<[string, (status: Partial<PeerStatus>) => void]>([
    ['has lost its name', (status) => void delete status.endpointName],
    ['has another name', (status) => void (status.endpointName = 'other.example:1')],
    ['has roamed', (status) => void (status.endpoint = endpoint('198.51.100.1:1'))],
  ])('leaves the peer alone if it %s during the look-up', async (_, change) => {
    const { device, lines, silent } = named([], {
      lookup: async () => {
        change(device.status);
        return ['192.0.2.9'];
      },
    });
    await silent();
    expect([device.endpoints, lines]).toEqual([[], []]);
  });

  test('leaves the peer alone if it was removed during the look-up', async () => {
    const { device, silent } = named(['192.0.2.9']);
    device.peer = async () => undefined;
    await silent();
    expect(device.endpoints).toEqual([]);
  });

  describe('for a peer without an endpoint', () => {
    test('takes the first address', async () => {
      const { device, lines } = named(['192.0.2.9', '192.0.2.10'], {}, null);
      device.report();
      await device.settled();
      expect(device.endpoints).toEqual(['192.0.2.9:51820']);
      expect(lines[0]).toContain('has no endpoint: vpn.example is 192.0.2.9:51820');
    });

    test('looks the name up again by itself until there is an address', async () => {
      const addresses: string[] = [];
      const { device, lookups, lines } = named(addresses, {}, null);
      device.report();
      await device.settled();
      for (let i = 0; i < 3; i++) await device.pass();
      expect([lookups.length, lines.length]).toEqual([4, 1]);
      addresses.push('192.0.2.9');
      await device.pass();
      expect(device.endpoints).toEqual(['192.0.2.9:51820']);
      for (let i = 0; i < 3; i++) await device.pass();
      expect(lookups.length).toBe(5);
    });

    test('stops when the name is removed', async () => {
      const { device, lookups } = named([], {}, null);
      device.report();
      await device.settled();
      delete device.status.endpointName;
      for (let i = 0; i < 3; i++) await device.pass();
      expect(lookups.length).toBe(1);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  test('forgets a failure when its peer is removed', async () => {
    const { device, silent } = named([]);
    await silent();
    await device.pass();
    expect(vi.getTimerCount()).toBe(1);
    device.peer = async () => undefined;
    await device.pass();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('does nothing after close, even if a look-up is in progress', async () => {
    const { device, refresh, lookups } = named([], {
      lookup: async () => {
        refresh.close();
        return ['192.0.2.9'];
      },
    });
    device.report();
    await device.settled();
    device.report();
    await device.settled();
    expect([device.endpoints, lookups.length]).toEqual([[], 0]);
    expect([device.listenerCount('unanswered'), vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('refuses an unknown option', () => {
    const options = { device: new FakeDevice(null), follow: true };
    expect(() => new EndpointRefresh(options as never)).toThrow('"options" expected one of device');
  });
});

/** A fake device with one peer. It reports that this peer is silent, and records new endpoints. */
class FakeDevice extends EventEmitter<DeviceEvents> {
  /** The endpoints that it was given. */
  readonly endpoints: string[] = [];
  readonly status: Partial<PeerStatus>;

  constructor(present: Endpoint | null) {
    super();
    this.status = {
      publicKey: PEER,
      endpointName: NAME,
      ...(present && { endpoint: present }),
    };
  }

  async configure({ peers = [] }: Parameters<EndpointRefreshOptions['device']['configure']>[0]) {
    // Without `updateOnly`, the change would add a peer again that was removed meanwhile.
    for (const { endpoint: given, updateOnly } of peers) {
      if (!updateOnly) continue;
      this.endpoints.push(String(given));
      this.status.endpoint = given as Endpoint;
    }
  }

  async peer(): Promise<PeerStatus | undefined> {
    return { ...this.status } as PeerStatus;
  }

  /** Reports the peer as silent. */
  report(): void {
    const { endpointName = '', endpoint: present } = this.status;
    this.emit('unanswered', { peer: PEER, endpointName, endpoint: present });
  }

  /** Resolves when all work in progress is done. None of this work waits for a timer. */
  async settled(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Lets `LATER_MS` pass. */
  async pass(): Promise<void> {
    vi.advanceTimersByTime(LATER_MS);
    await this.settled();
  }
}

function endpoint(text: string): Endpoint {
  return parseEndpoint(text) as Endpoint;
}

/** Makes a device with a peer whose name has these addresses. With an empty list, look-ups fail. */
function named(
  addresses: string[],
  options: Partial<EndpointRefreshOptions> = {},
  present: Endpoint | null = endpoint('192.0.2.1:51820'),
) {
  const device = new FakeDevice(present);
  const lookups: string[] = [];
  const lines: string[] = [];
  const refresh = new EndpointRefresh({
    device,
    lookup: async (host) => {
      lookups.push(host);
      if (addresses.length === 0) throw new Error('no such host');
      return [...addresses];
    },
    log: (line) => lines.push(line),
    ...options,
  });
  /** Lets `LATER_MS` pass, and then reports the peer as silent. */
  const silent = async (): Promise<void> => {
    await device.pass();
    device.report();
    await device.settled();
  };
  return { device, lookups, lines, refresh, silent };
}
