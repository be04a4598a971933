import type { DeviceStatus } from '@litz/config';
import { describe, expect, it } from 'vitest';
import { NO_RATES } from '../../src/live/live-status.ts';
import { exampleDevice, examplePeer, exampleSource, NOW } from './examples.ts';

describe('LiveSource', () => {
  it('computes rates from one reading to the next', async () => {
    let receivedBytes = 100;
    const device = () =>
      exampleDevice([examplePeer(1, { receivedBytes, receivedMessages: receivedBytes / 100 })]);
    const { source, clock } = exampleSource(['wg0'], new Map([['wg0', device]]));
    const first = await source.read();
    expect(first).toMatchObject({ time: NOW, intervalMs: undefined, peers: [{ rates: NO_RATES }] });
    receivedBytes = 500;
    clock.ms = 2000;
    const rates = { ...NO_RATES, receivedBytes: 200, receivedMessages: 2 };
    expect(await source.read()).toMatchObject({
      intervalMs: 2000,
      interfaces: [{ name: 'wg0', rates, peerCount: 1, connectedCount: 1 }],
      peers: [{ rates }],
    });
  });

  it('counts the drops of an interface that belong to no peer', async () => {
    let count = 1;
    const device = () => {
      const status = exampleDevice([]);
      status.details!.drops = { 'no-peer': count };
      return status;
    };
    const { source, clock } = exampleSource(['wg0'], new Map([['wg0', device]]));
    await source.read();
    [count, clock.ms] = [4, 1000];
    const { interfaces } = await source.read();
    expect(interfaces).toMatchObject([{ drops: { 'no-peer': 4 }, rates: { drops: 3 } }]);
  });

  it('does not count the bytes of a new peer in the rates of its interface', async () => {
    let peers = [examplePeer(1)];
    const device = () => exampleDevice(peers);
    const { source, clock } = exampleSource(['wg0'], new Map([['wg0', device]]));
    await source.read();
    peers = [examplePeer(1), examplePeer(2, { receivedBytes: 1e9 })];
    clock.ms = 1000;
    expect((await source.read()).interfaces[0]?.rates).toEqual(NO_RATES);
  });

  it('returns no secret, and wipes the private key in the status of the daemon', async () => {
    const presharedKey = new Uint8Array(32).fill(7);
    const status = exampleDevice([examplePeer(1, { presharedKey: presharedKey as never })]);
    const privateKey = Buffer.from(status.privateKey!).toString('base64');
    const { source } = exampleSource(['wg0'], new Map([['wg0', () => status]]));
    const text = JSON.stringify(await source.read());
    expect(text).not.toContain(privateKey);
    expect(text).not.toContain(Buffer.alloc(32, 7).toString('base64'));
    expect(text).not.toContain('AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=');
    expect(status.privateKey!.every((byte) => byte === 0)).toBe(true);
  });

  it('says which of the named interfaces does not answer', async () => {
    const { source } = exampleSource(['wg0', 'wg1'], new Map([['wg0', () => exampleDevice([])]]));
    expect((await source.read()).interfaces).toMatchObject([
      { name: 'wg0', trouble: undefined },
      { name: 'wg1', trouble: 'wg1: there is no such socket' },
    ]);
  });

  it('finds the interfaces itself if none is named, and closes the connections to interfaces that are gone', async () => {
    const devices = new Map([['wg0', () => exampleDevice([])]]);
    const { source, closed } = exampleSource([], devices);
    expect(await namesOf(source)).toEqual(['wg0']);
    devices.set('wg1', () => exampleDevice([]));
    expect(await namesOf(source)).toEqual(['wg0', 'wg1']);
    // The daemon of wg1 was killed, and has left its socket.
    devices.set('wg1', () => {
      throw new Error('connection refused');
    });
    expect(await namesOf(source)).toEqual(['wg0']);
    devices.delete('wg0');
    expect(await namesOf(source)).toEqual([]);
    expect(closed).toEqual(['wg0']);
    source.close();
    expect(closed).toEqual(['wg0', 'wg1']);
  });

  it('does not wait longer than a second for a daemon while others answer', async () => {
    let receivedBytes = 0;
    const silence = new Promise<never>(() => {});
    const devices = new Map<string, () => DeviceStatus | Promise<DeviceStatus>>([
      ['wg0', () => silence],
      ['wg1', () => exampleDevice([examplePeer(1, { receivedBytes })])],
    ]);
    const { source, clock } = exampleSource([], devices);
    const first = source.read();
    await settled();
    clock.pass(1000);
    expect((await first).interfaces).toMatchObject([
      { name: 'wg0', trouble: 'does not answer', peerCount: 0 },
      { name: 'wg1', trouble: undefined, peerCount: 1 },
    ]);
    // The next readings do not wait for wg0 at all.
    [receivedBytes, clock.ms] = [500, 2000];
    const { interfaces, intervalMs } = await source.read();
    expect([interfaces[0]?.trouble, interfaces[1]?.rates.receivedBytes]).toEqual([
      'does not answer',
      250,
    ]);
    expect([intervalMs, source.costMs]).toEqual([1000, 0]);
  });

  it('shows the last answer of a slow daemon until its next answer comes', async () => {
    let answer!: () => void;
    let count = 1;
    const slow = (): Promise<DeviceStatus> =>
      new Promise((resolve) => {
        const peers = Array.from({ length: count }, (_, index) => examplePeer(index));
        answer = () => resolve(exampleDevice(peers));
      });
    const devices = new Map<string, () => DeviceStatus | Promise<DeviceStatus>>([
      ['wg0', slow],
      ['wg1', () => exampleDevice([])],
    ]);
    const { source, clock } = exampleSource(['wg0', 'wg1'], devices);
    const countOf = async (reading: ReturnType<typeof source.read>): Promise<unknown> =>
      (await reading).interfaces[0]?.peerCount;
    const first = source.read();
    await settled();
    answer();
    expect(await countOf(first)).toBe(1);
    count = 2;
    const second = source.read();
    await settled();
    clock.pass(1000);
    expect(await countOf(second)).toBe(1);
    answer();
    await settled();
    expect(await countOf(source.read())).toBe(2);
  });

  it('waits for the only daemon as long as it takes', async () => {
    let answer!: () => void;
    const slow = (): Promise<DeviceStatus> =>
      new Promise((resolve) => (answer = () => resolve(exampleDevice([examplePeer(1)]))));
    const { source, clock } = exampleSource(['wg0'], new Map([['wg0', slow]]));
    const reading = source.read();
    await settled();
    clock.pass(4000);
    await settled();
    answer();
    expect((await reading).interfaces).toMatchObject([{ trouble: undefined, peerCount: 1 }]);
    expect(clock.pauses).toEqual([]);
  });

  it('reads once for all callers that ask at the same time', async () => {
    let readings = 0;
    const device = () => {
      readings++;
      return exampleDevice([]);
    };
    const { source } = exampleSource(['wg0'], new Map([['wg0', device]]));
    const [a, b] = await Promise.all([source.read(), source.read()]);
    expect(a).toBe(b);
    await source.read();
    expect(readings).toBe(2);
  });
});

/** Resolves when all promises that can be settled are settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function namesOf(source: ReturnType<typeof exampleSource>['source']): Promise<string[]> {
  return (await source.read()).interfaces.map(({ name }) => name);
}
