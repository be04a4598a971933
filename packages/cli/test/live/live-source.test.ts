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

  it('counts what an interface drops without a peer', async () => {
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

  it('shows no rate of a peer that is new', async () => {
    let peers = [examplePeer(1)];
    const device = () => exampleDevice(peers);
    const { source, clock } = exampleSource(['wg0'], new Map([['wg0', device]]));
    await source.read();
    peers = [examplePeer(1), examplePeer(2, { receivedBytes: 1e9 })];
    clock.ms = 1000;
    expect((await source.read()).interfaces[0]?.rates).toEqual(NO_RATES);
  });

  it('contains no secret, and wipes the status', async () => {
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

  it('finds the interfaces itself if none is named, and closes those that have gone', async () => {
    const devices = new Map([['wg0', () => exampleDevice([])]]);
    const { source, closed } = exampleSource([], devices);
    expect(await namesOf(source)).toEqual(['wg0']);
    devices.set('wg1', () => exampleDevice([]));
    expect(await namesOf(source)).toEqual(['wg0', 'wg1']);
    // Its daemon was killed, and has left its socket.
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

  it('reads once for callers at the same time', async () => {
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

async function namesOf(source: ReturnType<typeof exampleSource>['source']): Promise<string[]> {
  return (await source.read()).interfaces.map(({ name }) => name);
}
