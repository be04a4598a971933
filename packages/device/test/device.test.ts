import { once } from 'node:events';
import { inspect } from 'node:util';
import { formatKey, nobleProvider } from '@litz/core';
import { isZeroKey, type DeviceConfiguration } from '@litz/config';
import { createPerson, ipPacket } from '@litz/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  Device,
  MemoryTun,
  type DeviceSnapshot,
  type PeerChange,
  type UapiTarget,
} from '../src/index.ts';
import {
  ALICE,
  BOB,
  introduce,
  memoryDevice,
  memoryPair,
  nextPacket,
  packetFrom,
  type MemoryDevice,
} from './in-memory.ts';

const closing: Device[] = [];

afterEach(async () => {
  for (const device of closing.splice(0)) await device.close();
});

describe('Device', () => {
  it('shows no secret when its status is printed, and returns the keys when they are read', async () => {
    await using alice = await memoryDevice(ALICE, {
      peers: [{ publicKey: BOB.publicKey.toBase64(), presharedKey: BOB.privateKey.toBase64() }],
    });
    const status = await alice.device.status();
    const shown = [
      inspect(status, { depth: null, showHidden: true }),
      JSON.stringify(status),
      `${String(status.privateKey)} ${String(status.peers[0]?.presharedKey)}`,
    ];
    for (const text of shown) {
      expect(text).toContain('PrivateKey(hidden)');
      expect(text).toContain('PresharedKey(hidden)');
      for (const key of [ALICE.privateKey, BOB.privateKey]) {
        expect(text).not.toContain(key.toBase64());
        expect(text).not.toContain(Buffer.from(key).toString('hex'));
        expect(text).not.toContain(`${key[1]}, ${key[2]}`);
      }
    }
    expect(status.privateKey?.toBase64()).toBe(ALICE.privateKey.toBase64());
    expect(status.peers[0]?.presharedKey?.toBase64()).toBe(BOB.privateKey.toBase64());
  });

  it('carries packets between two devices in memory', async () => {
    const [alice, bob] = await pair();
    const packet = packetFrom(alice, bob, [1, 2, 3]);
    const received = nextPacket(bob.tun);
    alice.tun.send(packet);
    expect(await received).toEqual(packet);
    const back = nextPacket(alice.tun);
    bob.tun.send(packetFrom(bob, alice));
    expect(await back).toEqual(packetFrom(bob, alice));
  });

  it('carries many packets, in order', async () => {
    const [alice, bob] = await pair();
    await alice.device.connected(BOB.publicKey, { timeout: 5000 });
    const received: number[] = [];
    const done = new Promise<void>((resolve) => {
      bob.tun.on('packet', (packet) => {
        received.push(packet.at(-1)!);
        if (received.length === 200) resolve();
      });
    });
    for (let i = 0; i < 200; i++) alice.tun.send(packetFrom(alice, bob, [i]));
    await done;
    expect(received).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });

  it('emits events to listeners that were added after all listeners were removed', async () => {
    const [alice, bob] = await pair();
    const old = vi.fn();
    alice.device.on('handshake', old);
    alice.device.removeAllListeners();
    const told = once(alice.device, 'handshake');
    alice.tun.send(packetFrom(alice, bob));
    expect((await told)[0]).toMatchObject({ role: 'initiator' });
    expect(old).not.toHaveBeenCalled();
    const again = once(alice.device, 'session');
    alice.device.removeAllListeners('drop');
    alice.device.emit('session', { peer: BOB.publicKey, state: 'up' });
    await again;
  });

  it('emits handshake and session on both sides', async () => {
    const [alice, bob] = await pair();
    const events = Promise.all([
      once(alice.device, 'handshake'),
      once(bob.device, 'handshake'),
      once(alice.device, 'session'),
      once(bob.device, 'session'),
    ]);
    alice.tun.send(packetFrom(alice, bob));
    const [[initiator], [responder], [up], [upAtBob]] = await events;
    expect(initiator).toMatchObject({ peer: BOB.publicKey, role: 'initiator' });
    expect(responder).toMatchObject({ peer: ALICE.publicKey, role: 'responder' });
    expect(up).toEqual({ peer: BOB.publicKey, state: 'up' });
    expect(upAtBob).toEqual({ peer: ALICE.publicKey, state: 'up' });
  });

  describe('before the caller can listen', () => {
    it('keeps events in order until the caller listens', async () => {
      const bob = await open(memoryDevice(BOB));
      const atBob = once(bob.device, 'session');
      const alice = await open(callingDevice(bob));
      // Waits until the handshake is over. A program, too, may wait for something else before it adds
      // its listeners.
      await atBob;
      await new Promise((resolve) => setImmediate(resolve));
      const told: string[] = [];
      for (const name of ['session', 'up', 'handshake'] as const) {
        alice.device.on(name, () => told.push(name));
      }
      expect(told).toEqual([]);
      await vi.waitFor(() => expect(told).toEqual(['up', 'handshake', 'session']));
      const { listenPort } = await alice.device.status();
      expect(listenPort).toBeGreaterThan(0);
      expect(told).toHaveLength(3);
    });

    it('keeps no events once the caller has used the device and the next turn of the event loop has begun', async () => {
      const bob = await open(memoryDevice(BOB));
      const alice = await open(callingDevice(bob));
      await alice.device.connected(BOB.publicKey, { timeout: 5000 });
      await new Promise((resolve) => setImmediate(resolve));
      const told: string[] = [];
      alice.device.on('session', ({ state }) => told.push(state));
      const down = once(alice.device, 'down');
      alice.tun.setUp(false);
      await down;
      expect(told).toEqual(['expired']);
    });

    it('emits all kept events before the device is closed, and the event `close` last', async () => {
      const { device } = await memoryDevice(ALICE);
      const told: string[] = [];
      const closing = device.close();
      for (const name of ['close', 'up'] as const) device.on(name, () => told.push(name));
      await closing;
      expect(told).toEqual(['up', 'close']);
    });
  });

  describe('statusParts', () => {
    it('returns the whole status, with the key in the first part only', async () => {
      const alice = await open(memoryDevice(ALICE));
      await alice.device.configure({ peers: manyPeers(1000) });
      const parts = await partsOf(alice.device);
      expect(parts.length).toBeGreaterThan(5);
      expect(parts.map((part) => 'privateKey' in part)).toEqual(parts.map((_, i) => i === 0));
      const status = await alice.device.status();
      expect(status.peers).toHaveLength(1000);
      expect(parts.flatMap(({ peers }) => peers)).toEqual(status.peers);
      expect({ ...parts[0], peers: status.peers }).toEqual(status);
    });

    it('has a counterpart for one peer: `peer` returns its status, or undefined for a key that no peer has', async () => {
      await using alice = await memoryDevice(ALICE);
      const { publicKey } = BOB;
      const endpointName = 'vpn.example:51820';
      await alice.device.configure({ peers: [{ publicKey, endpointName }] });
      expect(await alice.device.peer(formatKey(publicKey))).toMatchObject({
        publicKey,
        endpointName,
      });
      expect(await alice.device.peer(ALICE.publicKey)).toBeUndefined();
      await expect(alice.device.peer('x')).rejects.toThrow('"publicKey": public key: expected');
    });

    it('lets packets pass between two parts', async () => {
      const [alice, bob] = await pair();
      await alice.device.configure({ peers: manyPeers(5000) });
      await alice.device.connected(BOB.publicKey, { timeout: 5000 });
      const order: string[] = [];
      bob.tun.on('packet', () => order.push('packet'));
      const received = nextPacket(bob.tun);
      for await (const part of alice.device.statusParts()) {
        expect(part.peers.length).toBeLessThanOrEqual(128);
        if (order.length === 0) alice.tun.send(packetFrom(alice, bob));
        order.push('part');
      }
      await received;
      expect(order.indexOf('packet')).toBeLessThan(order.lastIndexOf('part'));
    });

    it('leaves out peers that are removed or added between two parts', async () => {
      const alice = await open(memoryDevice(ALICE));
      await alice.device.configure({ peers: manyPeers(500) });
      const parts = alice.device.statusParts();
      const first = (await parts.next()).value as DeviceSnapshot;
      await alice.device.configure({ replacePeers: true, peers: manyPeers(100) });
      const rest: DeviceSnapshot[] = [];
      for await (const part of parts) rest.push(part);
      expect(first.peers.length).toBeGreaterThan(0);
      expect(rest.flatMap(({ peers }) => peers)).toEqual([]);
      expect(await alice.device.peers()).toHaveLength(100);
    });

    it('rejects when the device is closed between two parts', async () => {
      const alice = await open(memoryDevice(ALICE));
      await alice.device.configure({ peers: manyPeers(500) });
      const parts = alice.device.statusParts();
      await parts.next();
      await alice.device.close();
      await expect(parts.next()).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
    });
  });

  describe('keys of a status', () => {
    it('are wiped by peers(), which does not return them', async () => {
      const { device } = await open(memoryDevice(ALICE));
      const status = vi.spyOn(device, 'status');
      await device.peers();
      const [read] = status.mock.results;
      const { privateKey } = (await read.value) as DeviceSnapshot;
      expect(isZeroKey(privateKey!)).toBe(true);
    });

    it('are wiped when a later part of the status cannot be read', async () => {
      const { device } = await open(memoryDevice(ALICE));
      await device.configure({ peers: manyPeers(500) });
      const parts = device.statusParts();
      const first = (await parts.next()).value as DeviceSnapshot;
      async function* failing(): ReturnType<Device['statusParts']> {
        yield first;
        throw new Error('closed');
      }
      vi.spyOn(device, 'statusParts').mockImplementation(failing);
      await expect(device.status()).rejects.toThrow('closed');
      expect(isZeroKey(first.privateKey!)).toBe(true);
      await parts.return();
    });
  });

  it('learns the endpoint of a peer from its first message', async () => {
    const alice = await open(memoryDevice(ALICE));
    const bob = await open(memoryDevice(BOB));
    await introduce(alice, bob);
    const publicKey = ALICE.publicKey;
    await bob.device.configure({ peers: [{ publicKey, allowedIps: ['10.0.0.1'] }] });
    const roamed = once(bob.device, 'roam');
    alice.tun.send(packetFrom(alice, bob));
    const { listenPort } = await alice.device.status();
    const [event] = (await roamed) as [{ previous: unknown; endpoint: { port: number } }];
    expect(event).toMatchObject({ previous: undefined, endpoint: { port: listenPort } });
  });

  it('emits drop with the number of packets that were dropped for one reason', async () => {
    const [alice, bob] = await pair();
    const dropped = once(alice.device, 'drop');
    for (let i = 0; i < 5; i++) alice.tun.send(Uint8Array.of(0x45, 0, 0, 1));
    expect(await dropped).toEqual([{ reason: 'not-ip', count: 5 }]);
    expect((await alice.device.stats()).drops).toEqual({ 'not-ip': 5 });
    expect((await bob.device.stats()).drops).toEqual({});
  });

  describe('connected', () => {
    it('starts a handshake, and resolves at once when there is a session', async () => {
      const [alice, bob] = await pair();
      const atBob = once(bob.device, 'session');
      await alice.device.connected(formatKey(BOB.publicKey), { timeout: 5000 });
      await atBob;
      await alice.device.connected(BOB.publicKey, { timeout: 0 });
      const [peer] = await alice.device.peers();
      expect(peer).toMatchObject({ publicKey: BOB.publicKey, sessionUp: true });
      expect(await bob.device.stats()).toMatchObject({ completedHandshakes: 1 });
    });

    it('rejects when there is no session in time', async () => {
      const alice = await open(memoryDevice(ALICE));
      const publicKey = BOB.publicKey;
      await alice.device.configure({ peers: [{ publicKey, endpoint: '127.0.0.1:9' }] });
      await expect(alice.device.connected(publicKey, { timeout: 10 })).rejects.toMatchObject({
        code: 'ERR_LITZ_TIMEOUT',
        message: 'no session within 10 ms',
      });
    });

    it('rejects for a key that no peer has, and for a text that is not a key', async () => {
      const { device } = await open(memoryDevice(ALICE));
      await expect(device.connected(BOB.publicKey)).rejects.toThrow(
        /"publicKey" expected the key of a configured peer/,
      );
      await expect(device.connected('abc')).rejects.toMatchObject({ code: 'ERR_LITZ_INVALID_KEY' });
      const publicKey = BOB.publicKey;
      await expect(device.connected(publicKey, { timeout: -1 })).rejects.toThrow(/"timeout"/);
    });

    it('rejects when the device is closed meanwhile', async () => {
      const { device } = await open(memoryDevice(ALICE));
      const publicKey = BOB.publicKey;
      await device.configure({ peers: [{ publicKey, endpoint: '127.0.0.1:9' }] });
      const waiting = device.connected(publicKey).catch((error: unknown) => error);
      await device.close();
      expect(await waiting).toMatchObject({ code: 'ERR_LITZ_CLOSED' });
      await expect(device.connected(publicKey)).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
    });
  });

  describe('configure', () => {
    it('moves to another port and keeps sessions and peers', async () => {
      const [alice, bob] = await pair();
      await alice.device.connected(BOB.publicKey, { timeout: 5000 });
      const before = (await alice.device.status()).listenPort;
      await alice.device.configure({ listenPort: 0 });
      const after = (await alice.device.status()).listenPort;
      expect(after).not.toBe(before);
      const roamed = once(bob.device, 'roam');
      const received = nextPacket(bob.tun);
      alice.tun.send(packetFrom(alice, bob));
      await received;
      expect((await roamed)[0]).toMatchObject({ endpoint: { port: after } });
      expect(await bob.device.stats()).toMatchObject({ completedHandshakes: 1 });
    });

    it('changes nothing when the new port is taken', async () => {
      const [alice, bob] = await pair();
      const { listenPort } = await alice.device.status();
      const taken = (await bob.device.status()).listenPort;
      const change = { listenPort: taken, replacePeers: true };
      await expect(alice.device.configure(change)).rejects.toMatchObject({ errno: 'EADDRINUSE' });
      expect(await alice.device.status()).toMatchObject({ listenPort });
      await alice.device.connected(BOB.publicKey, { timeout: 5000 });
    });

    it('changes nothing when any part of a change is wrong', async () => {
      const [alice] = await pair();
      const { listenPort } = await alice.device.status();
      const change = { listenPort: 0, peers: [{ publicKey: 'AAAA' }] };
      await expect(alice.device.configure(change)).rejects.toThrow(/"peers\[0\].publicKey"/);
      expect(await alice.device.status()).toMatchObject({ listenPort });
    });

    it('refuses an endpoint on a missing interface, and changes nothing', async () => {
      const { device } = await open(memoryDevice(ALICE));
      const peers = [{ publicKey: BOB.publicKey, endpoint: '[fe80::1%no-such-link]:9' }];
      await expect(device.configure({ listenPort: 0, peers })).rejects.toMatchObject({
        code: 'ERR_LITZ_INVALID_ENDPOINT',
        message:
          '"peers[0].endpoint" expected the name of an interface as zone, found no interface "no-such-link"',
      });
      expect(await device.peers()).toEqual([]);
    });

    it('refuses a mark if its sockets are portable, because they cannot set it, and changes nothing', async () => {
      await using alice = await memoryDevice(ALICE, { udp: 'portable' });
      await using bob = await memoryDevice(BOB);
      await introduce(alice, bob);
      await expect(alice.device.configure({ fwmark: 7, replacePeers: true })).rejects.toMatchObject(
        { code: 'ERR_LITZ_UNSUPPORTED_PLATFORM' },
      );
      expect(await alice.device.status()).toMatchObject({ fwmark: 0, peers: [{}] });
    });

    it('replaces the keys of both ends at once, and keeps the sessions', async () => {
      const [alice, bob] = await pair();
      await alice.device.connected(BOB.publicKey);
      const next = { alice: createPerson(11), bob: createPerson(12) };
      await alice.device.configure({
        nextPrivateKey: next.alice.privateKey.toBase64(),
        peers: [{ publicKey: BOB.publicKey, nextPublicKey: next.bob.publicKey.toBase64() }],
      });
      await bob.device.configure({
        nextPrivateKey: next.bob.privateKey,
        peers: [{ publicKey: ALICE.publicKey, nextPublicKey: next.alice.publicKey }],
      });
      const isDone = async (): Promise<void> => {
        const [bobAtAlice] = await alice.device.peers();
        const [aliceAtBob] = await bob.device.peers();
        expect(bobAtAlice?.sessionStaticKeys?.own).toEqual(next.alice.publicKey);
        expect(aliceAtBob?.sessionStaticKeys?.own).toEqual(next.bob.publicKey);
      };
      await vi.waitFor(isDone, { timeout: 15_000 });
      const during = await alice.device.status();
      expect(during).toMatchObject({
        privateKey: ALICE.privateKey,
        nextPrivateKey: next.alice.privateKey,
        peers: [{ publicKey: BOB.publicKey, nextPublicKey: next.bob.publicKey }],
      });
      expect(inspect(during)).not.toContain(next.alice.privateKey.toBase64());
      for (const [{ device }, own, peer] of [
        [alice, next.alice, BOB],
        [bob, next.bob, ALICE],
      ] as const) {
        const { publicKey } = peer;
        await device.configure({
          privateKey: own.privateKey,
          peers: [{ publicKey, promotePublicKey: true }],
        });
      }
      const { completedHandshakes } = await alice.device.stats();
      const received = nextPacket(bob.tun);
      alice.tun.send(packetFrom(alice, bob, [1]));
      await received;
      const after = await alice.device.status();
      expect(after).toMatchObject({
        privateKey: next.alice.privateKey,
        peers: [{ publicKey: next.bob.publicKey, sessionUp: true }],
      });
      expect(after).not.toHaveProperty('nextPrivateKey');
      expect((await alice.device.stats()).completedHandshakes).toBe(completedHandshakes);
    });

    it('returns the whole status, and removes the private key and all peers on request', async () => {
      const [alice, bob] = await pair();
      const { listenPort } = await bob.device.status();
      const status = await alice.device.status();
      expect(status).toMatchObject({
        name: 'memory1',
        mtu: 1420,
        up: true,
        privateKey: ALICE.privateKey,
        fwmark: 0,
        peers: [{ publicKey: BOB.publicKey, endpoint: { port: listenPort } }],
      });
      const target: UapiTarget = alice.device;
      const change: DeviceConfiguration = { privateKey: null, peers: [], replacePeers: true };
      await target.configure(change);
      expect(await alice.device.status()).toMatchObject({ peers: [] });
      expect(await alice.device.status()).not.toHaveProperty('privateKey');
    });
  });

  describe('link', () => {
    it('opens no sockets before it is up', async () => {
      const { device, tun } = await open(memoryDevice(ALICE, { up: false }));
      expect(await device.status()).toMatchObject({ up: false, listenPort: 0 });
      const up = once(device, 'up');
      tun.setUp(true);
      const [{ listenPort }] = (await up) as [{ listenPort: number }];
      expect(await device.status()).toMatchObject({ up: true, listenPort });
    });

    it('closes the sockets and ends the sessions when it goes down', async () => {
      const [alice, bob] = await pair();
      await alice.device.connected(BOB.publicKey, { timeout: 5000 });
      const { listenPort } = await alice.device.status();
      const events = Promise.all([once(alice.device, 'session'), once(alice.device, 'down')]);
      alice.tun.setUp(false);
      expect((await events)[0]).toEqual([{ peer: BOB.publicKey, state: 'expired' }]);
      await bob.device.configure({ listenPort });
      expect(await bob.device.status()).toMatchObject({ listenPort });
    });

    it('reports that the port is taken when the link goes up, and then accepts another port', async () => {
      const [alice, bob] = await pair();
      const { listenPort } = await alice.device.status();
      await alice.device.configure({ listenPort });
      const down = once(alice.device, 'down');
      alice.tun.setUp(false);
      await down;
      await bob.device.configure({ listenPort });
      const failed = once(alice.device, 'error');
      alice.tun.setUp(true);
      expect((await failed)[0]).toMatchObject({ errno: 'EADDRINUSE' });
      await alice.device.configure({ listenPort: 0 });
      const up = once(alice.device, 'up');
      alice.tun.setUp(true);
      await up;
      await introduce(bob, alice);
      await bob.device.connected(ALICE.publicKey, { timeout: 5000 });
    });

    it('is set up and down by the device, and a repeated call has no effect', async () => {
      const { device } = await open(memoryDevice(ALICE, { up: false }));
      const told: string[] = [];
      device.on('up', () => told.push('up')).on('down', () => told.push('down'));
      const down = once(device, 'down');
      await device.up();
      await device.up();
      expect(await device.status()).toMatchObject({ up: true });
      await device.down();
      await device.down();
      await down;
      expect(await device.status()).toMatchObject({ up: false });
      expect(told).toEqual(['up', 'down']);
    });

    it('stays down when the port is taken, and `up` rejects', async () => {
      const [alice, bob] = await pair();
      const { listenPort } = await alice.device.status();
      await alice.device.configure({ listenPort });
      await alice.device.down();
      await bob.device.configure({ listenPort });
      await expect(alice.device.up()).rejects.toMatchObject({ errno: 'EADDRINUSE' });
      expect(await alice.device.status()).toMatchObject({ up: false });
      await alice.device.close();
      await expect(alice.device.up()).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
    });

    it('follows the MTU of the TUN', async () => {
      const { device, tun } = await open(memoryDevice(ALICE));
      const changed = once(device, 'mtu');
      tun.setMtu(1280);
      expect(await changed).toEqual([{ mtu: 1280 }]);
      expect(await device.status()).toMatchObject({ mtu: 1280 });
    });

    it('ends the device when the TUN is closed', async () => {
      const { device, tun } = await open(memoryDevice(ALICE));
      const closed = once(device, 'close');
      tun.close();
      await closed;
      await expect(device.peers()).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
    });
  });

  describe('close', () => {
    it('releases the port, emits close once, and may be called again', async () => {
      const [alice, bob] = await pair();
      const { listenPort } = await alice.device.status();
      let said = 0;
      alice.device.on('close', () => said++);
      await Promise.all([alice.device.close(), alice.device.close()]);
      await alice.device.close();
      expect(said).toBe(1);
      await bob.device.configure({ listenPort });
      expect(alice.tun.send(packetFrom(alice, bob))).toBe(false);
    });

    it('releases the port of a change in progress', async () => {
      const [alice, bob] = await pair();
      const free = await open(memoryDevice(ALICE));
      const { listenPort } = await free.device.status();
      await free.device.close();
      const changed = alice.device.configure({ listenPort }).catch(() => {});
      await alice.device.close();
      await changed;
      await bob.device.configure({ listenPort });
      expect(await bob.device.status()).toMatchObject({ listenPort });
    });

    it('is called at the end of a block with await using', async () => {
      let device: Device;
      {
        await using memory = await memoryDevice(ALICE);
        ({ device } = memory);
      }
      await expect(device.stats()).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
    });

    it('may be called by a listener in the middle of a batch', async () => {
      const [alice, bob] = await pair();
      await alice.device.connected(BOB.publicKey, { timeout: 5000 });
      const closed = once(bob.device, 'close');
      bob.tun.on('packet', () => void bob.device.close());
      for (let i = 0; i < 10; i++) alice.tun.send(packetFrom(alice, bob));
      await closed;
      expect(alice.tun.send(packetFrom(alice, bob))).toBe(true);
    });
  });

  it('ends with an error event after a crash', async () => {
    const crypto = {
      ...nobleProvider,
      dh: (): never => {
        throw new Error('broken');
      },
    };
    const { device, tun } = await open(memoryDevice(ALICE, { crypto }));
    const { publicKey } = BOB;
    const allowedIps = ['10.0.0.2'];
    await device.configure({ peers: [{ publicKey, endpoint: '127.0.0.1:9', allowedIps }] });
    const closed = new Promise<void>((resolve) => device.on('close', resolve));
    const failed = once(device, 'error');
    tun.send(ipPacket({ source: ALICE.ipv4, destination: BOB.ipv4 }));
    expect((await failed)[0]).toMatchObject({
      code: 'ERR_LITZ_WORKER',
      message: 'the packet loop of memory1 crashed: broken',
    });
    await closed;
    expect(tun.send(new Uint8Array(20))).toBe(false);
  });

  it('ends with an error event after a crash in the middle of a change, even if the error is a TypeError', async () => {
    let isBroken = false;
    const crypto = {
      ...nobleProvider,
      dhPublicKey: (key: Uint8Array) => {
        if (isBroken) throw new TypeError('broken');
        return nobleProvider.dhPublicKey(key);
      },
    };
    const { device } = await open(memoryDevice(ALICE, { crypto }));
    const failed = once(device, 'error');
    isBroken = true;
    await expect(device.configure({ privateKey: BOB.privateKey })).rejects.toThrow('broken');
    expect((await failed)[0]).toMatchObject({ code: 'ERR_LITZ_WORKER' });
    await expect(device.stats()).rejects.toMatchObject({ code: 'ERR_LITZ_CLOSED' });
  });

  describe('create', () => {
    it('refuses a TUN that another device uses, and leaves that device alone', async () => {
      const [alice, bob] = await pair();
      const { tun } = alice;
      await expect(Device.create({ tun })).rejects.toThrow('"tun" expected a TUN of its own');
      await alice.device.connected(BOB.publicKey, { timeout: 5000 });
      const received = nextPacket(bob.tun);
      tun.send(packetFrom(alice, bob));
      await received;
    });

    it('refuses the second of two devices that are made for one TUN at the same time', async () => {
      const tun = new MemoryTun();
      const made = await Promise.allSettled([Device.create({ tun }), Device.create({ tun })]);
      for (const one of made) if (one.status === 'fulfilled') closing.push(one.value);
      expect(made.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    });

    it('releases the TUN when the port is taken', async () => {
      const bob = await open(memoryDevice(BOB));
      const { listenPort } = await bob.device.status();
      const tun = new MemoryTun();
      const created = Device.create({ tun, listenPort });
      await expect(created).rejects.toMatchObject({ errno: 'EADDRINUSE' });
      expect(tun.send(new Uint8Array(20))).toBe(false);
    });

    it('works with a provider object, and refuses the name of a module', async () => {
      await open(memoryDevice(ALICE, { crypto: nobleProvider }));
      const created = memoryDevice(ALICE, { crypto: { module: 'node:os' } });
      await expect(created).rejects.toThrow(/"crypto"/);
    });
  });
});

/** Makes Alice's device. It starts a handshake with Bob as soon as its link is up. */
async function callingDevice(bob: MemoryDevice): Promise<MemoryDevice> {
  await bob.device.configure({ peers: [{ publicKey: ALICE.publicKey, allowedIps: ['10.0.0.1'] }] });
  const { listenPort } = await bob.device.status();
  const { publicKey } = BOB;
  const endpoint = `127.0.0.1:${listenPort}`;
  return memoryDevice(ALICE, { peers: [{ publicKey, endpoint, persistentKeepalive: 25 }] });
}

function manyPeers(count: number): PeerChange[] {
  return Array.from({ length: count }, (_, i) => ({
    publicKey: Uint8Array.from({ length: 32 }, (_byte, at) =>
      at < 2 ? i >> (8 * at) : 9,
    ) as never,
    allowedIps: [`10.1.${i >> 8}.${i & 255}`],
  }));
}

async function partsOf(device: Device): Promise<DeviceSnapshot[]> {
  const parts: DeviceSnapshot[] = [];
  for await (const part of device.statusParts()) parts.push(part);
  return parts;
}

/** Waits for the device, and closes it after the test. */
async function open<T extends { device: Device }>(opened: Promise<T>): Promise<T> {
  const memory = await opened;
  closing.push(memory.device);
  return memory;
}

async function pair(): ReturnType<typeof memoryPair> {
  const [alice, bob] = await memoryPair();
  closing.push(alice.device, bob.device);
  return [alice, bob];
}
