import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { DeviceDiagnostics } from '../src/device-diagnostics.ts';
import { publishEvent, subscribedEvents } from '../src/diagnostic-channels.ts';
import { Device } from '../src/device.ts';
import { MemoryTun } from '../src/portable/memory-tun.ts';
import { ALICE, BOB } from './in-memory.ts';

describe('publishEvent', () => {
  test('makes no message without a subscriber', () => {
    const make = vi.fn<() => object>(() => ({}));
    publishEvent('drop', make);
    expect(make).not.toHaveBeenCalled();
    const heard = listen('drop');
    publishEvent('drop', make);
    expect(make).toHaveBeenCalledOnce();
    expect(heard).toEqual([{}]);
  });
});

describe('subscribedEvents', () => {
  test('returns the optional events that have a subscriber', () => {
    expect(subscribedEvents()).toEqual([]);
    listen('roam');
    listen('up');
    expect(subscribedEvents()).toEqual(['roam']);
  });
});

describe('the channels of all devices', () => {
  test('report that a device is made, goes up and is closed, and report its handshakes and sessions', async () => {
    const names = ['open', 'up', 'handshake', 'session', 'close'] as const;
    const heard = Object.fromEntries(names.map((name) => [name, listen(name)]));
    const { alice, bob } = await connected();
    const of = (name: string, device: Device): unknown[] =>
      heard[name].filter((message) => message.device === device);
    await vi.waitFor(() => expect(of('session', alice)).toHaveLength(1));
    expect(of('open', alice)).toHaveLength(1);
    expect(of('up', bob)).toEqual([{ device: bob, listenPort: expect.any(Number) }]);
    expect(of('handshake', alice)).toMatchObject([{ role: 'initiator', peer: BOB.publicKey }]);
    await alice.close();
    expect(of('close', alice)).toHaveLength(1);
  });

  test('report events to a later subscriber too, after the next call of a method of the device', async () => {
    const { alice } = await connected();
    const heard = listen('drop');
    await alice.status();
    // Not an IP packet.
    tuns.get(alice)!.send(new Uint8Array(20));
    await vi.waitFor(() => expect(heard).toMatchObject([{ reason: 'not-ip', count: 1 }]));
    expect(alice.listenerCount('drop')).toBe(0);
  });
});

type Message = DeviceDiagnostics[keyof DeviceDiagnostics];

function listen(event: string): Message[] {
  const heard: Message[] = [];
  const listener = (message: unknown): void => void heard.push(message as Message);
  subscribe(`litz:device:${event}`, listener);
  onTestFinished(() => void unsubscribe(`litz:device:${event}`, listener));
  return heard;
}

const tuns = new WeakMap<Device, MemoryTun>();

async function make(options: Parameters<typeof Device.create>[0]): Promise<Device> {
  const device = await Device.create(options);
  tuns.set(device, options.tun as MemoryTun);
  onTestFinished(() => device.close());
  return device;
}

async function connected(): Promise<{ alice: Device; bob: Device }> {
  const bob = await make({
    tun: new MemoryTun(),
    privateKey: BOB.privateKey,
    peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.0.0.1/32'] }],
  });
  const endpoint = `127.0.0.1:${(await bob.status()).listenPort}`;
  const peers = [{ publicKey: BOB.publicKey, endpoint, allowedIps: ['10.0.0.2/32'] }];
  const alice = await make({ tun: new MemoryTun(), privateKey: ALICE.privateKey, peers });
  await alice.connected(BOB.publicKey, { timeout: 5000 });
  return { alice, bob };
}
