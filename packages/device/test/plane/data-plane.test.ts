import {
  Endpoint,
  nobleProvider,
  parsePublicKey,
  type CryptoProvider,
  type PublicKey,
} from '@litz/core';
import { runSteps } from '@litz/core/internals';
import { describe, expect, it } from 'vitest';
import { DataPlane } from '../../src/plane/data-plane.ts';
import type { PlaneEvent } from '../../src/plane/plane-event.ts';
import { PacketMemory } from '../../src/plane/packet-memory.ts';
import { isRefused } from '../../src/refusal.ts';
import { FakeSockets, FakeTun } from './fake-io.ts';
import { ALICE, BOB } from '../in-memory.ts';

describe('DataPlane', () => {
  it('is down at first, and needs no sockets for a new port', () => {
    const { plane } = setUp();
    expect(plane.isUp).toBe(false);
    expect(plane.bindingFor({ listenPort: 7 })).toBeUndefined();
    plane.configure({ listenPort: 7, fwmark: 9 }, undefined, 0);
    expect(plane.bindingForLinkUp()).toEqual({ port: 7, mark: 9 });
    expect(runSteps(plane.snapshot(1)).snapshot).toMatchObject({
      listenPort: 7,
      fwmark: 9,
      up: false,
    });
  });

  it('goes up and down with its sockets', () => {
    const { plane, events } = setUp();
    const sockets = new FakeSockets({ port: 7 });
    plane.linkUp(sockets, 0);
    expect(plane.bindingForLinkUp()).toBeUndefined();
    expect(runSteps(plane.snapshot(1)).snapshot).toMatchObject({ listenPort: 7, up: true });
    plane.linkDown(1);
    plane.linkDown(1);
    expect(sockets.calls).toEqual(['close']);
    expect(events).toEqual([{ type: 'up', listenPort: 7 }, { type: 'down' }]);
  });

  it('returns the status of one peer', () => {
    const { plane } = setUp();
    const { publicKey, endpoint } = BOB;
    const peers = [{ publicKey, endpoint, endpointName: 'vpn.example:1' }];
    plane.configure({ privateKey: ALICE.privateKey, peers }, undefined, 0);
    expect(plane.peer(publicKey)).toMatchObject(peers[0]);
    expect(plane.peer(ALICE.publicKey)).toBeUndefined();
  });

  it('reports a name to look up only while there is a listener', () => {
    const { plane, events } = setUp();
    const { publicKey } = BOB;
    const endpointName = 'vpn.example:1';
    plane.configure({ peers: [{ publicKey, endpointName }] }, undefined, 0);
    plane.finish(0);
    expect(events).toEqual([]);
    plane.listen(['unanswered']);
    plane.configure({ peers: [{ publicKey, endpointName }] }, undefined, 1);
    plane.finish(1);
    const event = { type: 'unanswered', peer: publicKey, endpointName, endpoint: undefined };
    expect(events).toEqual([event]);
  });

  it('sends an initiation to a peer with a keepalive interval when it goes up', () => {
    const { plane } = setUp();
    const { publicKey, endpoint } = BOB;
    const { privateKey } = ALICE;
    const peers = [{ publicKey, endpoint, persistentKeepalive: 25 }];
    plane.configure({ privateKey, peers }, undefined, 0);
    const sockets = new FakeSockets();
    plane.linkUp(sockets, 0);
    expect(sockets.sent.map(({ bytes }) => bytes[0])).toEqual([1]);
  });

  it('needs sockets for another port or for any port, but not for its present port', () => {
    const { plane } = setUp();
    plane.linkUp(new FakeSockets({ port: 7 }), 0);
    expect(plane.bindingFor({})).toBeUndefined();
    expect(plane.bindingFor({ listenPort: 7 })).toBeUndefined();
    expect(plane.bindingFor({ listenPort: 8 })).toEqual({ port: 8, mark: 0 });
    expect(plane.bindingFor({ listenPort: 0, fwmark: 3 })).toEqual({ port: 0, mark: 3 });
  });

  it('uses new sockets and closes the old ones', () => {
    const { plane } = setUp();
    const before = new FakeSockets({ port: 7 });
    const after = new FakeSockets({ port: 8 });
    plane.linkUp(before, 0);
    plane.configure({ listenPort: 8 }, after, 0);
    expect(before.calls).toEqual(['close']);
    expect(plane.path.sockets).toBe(after);
    plane.linkDown(0);
    expect(plane.bindingForLinkUp()).toEqual({ port: 8, mark: 0 });
  });

  it('closes the new sockets and changes nothing else when a part of a change is refused', () => {
    const { plane } = setUp();
    const before = new FakeSockets({ port: 7 });
    const after = new FakeSockets({ port: 8 });
    plane.linkUp(before, 0);
    const peers = [{ publicKey: BOB.publicKey, persistentKeepalive: -1 }];
    expect(() => plane.configure({ listenPort: 8, fwmark: 5, peers }, after, 0)).toThrow(
      RangeError,
    );
    expect(after.calls).toEqual(['close']);
    expect(() => plane.configure({ fwmark: 5, peers }, undefined, 0)).toThrow(RangeError);
    expect(before.calls).toEqual([]);
    expect(runSteps(plane.snapshot(1)).snapshot).toMatchObject({
      listenPort: 7,
      fwmark: 0,
      peers: [],
    });
  });

  it('changes nothing when the mark cannot be set', () => {
    const { plane } = setUp();
    const sockets = new FakeSockets();
    sockets.markFails = true;
    plane.linkUp(sockets, 0);
    const peers = [{ publicKey: BOB.publicKey }];
    expect(() => plane.configure({ fwmark: 5, peers }, undefined, 0)).toThrow(/EPERM/);
    expect(sockets.calls).toEqual(['setMark 5', 'setMark 0']);
    expect(runSteps(plane.snapshot(1)).snapshot).toMatchObject({ fwmark: 0, peers: [] });
  });

  it('refuses a change in the first step, and then closes the new sockets', () => {
    const { plane } = setUp();
    const after = new FakeSockets({ port: 8 });
    const change = {
      privateKey: undefined,
      nextPrivateKey: BOB.privateKey,
      replacePeers: false,
      listenPort: 8,
      peers: [{ publicKey: BOB.publicKey }],
    };
    const refusal = thrown(() => plane.configureInSteps(change, after, () => 0).next());
    expect(refusal).toMatchObject({ message: expect.stringContaining('nextPrivateKey') });
    expect(isRefused(refusal)).toBe(true);
    expect(after.calls).toEqual(['close']);
    expect(runSteps(plane.snapshot(1)).snapshot).toMatchObject({ listenPort: 0, peers: [] });
  });

  it('uses new sockets from the first step on, and has the new port and mark after the last', () => {
    const { plane } = setUp();
    const [before, after] = [new FakeSockets({ port: 7 }), new FakeSockets({ port: 8 })];
    plane.linkUp(before, 0);
    const peers = [1, 2, 3].map((number) => ({ publicKey: keyOf(number) }));
    const change = {
      privateKey: undefined,
      nextPrivateKey: undefined,
      replacePeers: false,
      peers,
      listenPort: 8,
      fwmark: 3,
    };
    const steps = plane.configureInSteps(change, after, () => 0);
    steps.next();
    expect(before.calls).toEqual(['close']);
    expect(plane.path.sockets).toBe(after);
    expect(runSteps(plane.snapshot(1)).snapshot.peers).toEqual([]);
    steps.next();
    expect(runSteps(plane.snapshot(2)).snapshot.peers).toHaveLength(1);
    while (steps.next().done !== true);
    expect(runSteps(plane.snapshot(3)).snapshot).toMatchObject({ fwmark: 3, listenPort: 8 });
    expect(runSteps(plane.snapshot(4)).snapshot.peers).toHaveLength(3);
  });

  it('marks an error as a refusal only if it was thrown before anything took effect', () => {
    const { plane } = setUp({ crypto: { ...nobleProvider, dhPublicKey: bug } });
    const { privateKey } = ALICE;
    const wrong = { peers: [{ publicKey: BOB.publicKey, persistentKeepalive: -1 }] };
    expect(isRefused(thrown(() => plane.configure(wrong, undefined, 0)))).toBe(true);
    expect(isRefused(thrown(() => plane.connect(BOB.publicKey, 0)))).toBe(true);
    const crash = thrown(() => plane.configure({ privateKey }, undefined, 0));
    expect(crash).toMatchObject({ message: 'a bug' });
    expect(isRefused(crash)).toBe(false);
  });

  it.each([
    ['another port', { listenPort: 8 }, new FakeSockets({ port: 8 })],
    ['another mark', { fwmark: 3 }, undefined],
  ])('forgets sticky sources when it gets %s', (_, change, sockets) => {
    const { plane } = setUp();
    plane.linkUp(new FakeSockets(), 0);
    plane.configure({ peers: [{ publicKey: BOB.publicKey, endpoint: STICKY }] }, undefined, 0);
    plane.configure({}, undefined, 0);
    expect(runSteps(plane.snapshot(1)).snapshot.peers[0]?.endpoint).toBe(STICKY);
    plane.configure(change, sockets, 0);
    expect(runSteps(plane.snapshot(1)).snapshot.peers[0]?.endpoint).toEqual(STICKY.withoutSource());
  });

  it('forgets a sticky source from which a datagram could not be sent', () => {
    const { plane } = setUp();
    const sockets = new FakeSockets();
    sockets.onSend = (destination) => plane.reports.onSourceLost(destination);
    plane.linkUp(sockets, 0);
    const { privateKey } = ALICE;
    const peers = [{ publicKey: BOB.publicKey, endpoint: STICKY }];
    plane.configure({ privateKey, peers }, undefined, 0);
    plane.connect(BOB.publicKey, 0);
    plane.finish(0);
    expect(runSteps(plane.snapshot(1)).snapshot.peers[0]?.endpoint).toEqual(STICKY.withoutSource());
  });

  it('counts datagrams that could not be sent', () => {
    const { plane } = setUp();
    plane.reports.onSendError(101, STICKY);
    expect(plane.stats().drops).toEqual({ 'send-failed': 1 });
  });

  it('reports a failed handshake only with a listener', () => {
    const { plane, events } = setUp();
    plane.linkUp(new FakeSockets(), 0);
    plane.configure(
      { privateKey: ALICE.privateKey, peers: [{ publicKey: BOB.publicKey, endpoint: STICKY }] },
      undefined,
      0,
    );
    events.length = 0;
    const giveUp = (now: number): void => {
      plane.connect(BOB.publicKey, now);
      // Twenty initiations are sent, each up to 6 s after the one before. One turn of this loop is
      // a second.
      for (let at = now; at < now + 180_000; at += 1000) plane.finish(at);
    };
    giveUp(0);
    expect(events).toEqual([]);
    plane.listen(['handshake-failed']);
    giveUp(200_000);
    expect(events).toEqual([{ type: 'handshake-failed', peer: BOB.publicKey }]);
    plane.listen([]);
    giveUp(400_000);
    expect(events).toHaveLength(1);
  });

  it('reports the steps of a handshake only with a listener', () => {
    const { plane, events } = setUp();
    plane.linkUp(new FakeSockets(), 0);
    plane.configure({ privateKey: ALICE.privateKey }, undefined, 0);
    plane.listen(['trace']);
    const { publicKey } = BOB;
    plane.configure({ peers: [{ publicKey, endpoint: STICKY }] }, undefined, 0);
    plane.connect(publicKey, 0);
    plane.listen([]);
    plane.configure({ peers: [{ publicKey, remove: true }] }, undefined, 0);
    expect(events.filter(({ type }) => type === 'trace')).toEqual([
      { type: 'trace', peer: publicKey, step: 'peer-added', sends: 0 },
      { type: 'trace', peer: publicKey, step: 'initiation-sent', sends: 1 },
    ]);
  });

  it('reports a lost offload once, at the end of the batch', () => {
    const { plane, events } = setUp();
    plane.finish(0);
    const { due } = plane;
    plane.reports.onOffloadLost('udpGso', 'EIO');
    plane.reports.onOffloadLost('udpGso', 'EIO');
    plane.lostOffloads.add('tunTcp', 'not here');
    expect(events).toEqual([]);
    expect(plane.due).toBe(0);
    plane.finish(1);
    expect(events).toEqual([
      { type: 'offload', name: 'udpGso', reason: 'EIO' },
      { type: 'offload', name: 'tunTcp', reason: 'not here' },
    ]);
    plane.finish(2);
    expect(events).toHaveLength(2);
    expect(plane.due).toBe(due);
  });

  it('returns a copy of its private key, and only while the key is set', () => {
    const { plane } = setUp();
    const { privateKey } = ALICE;
    plane.configure({ privateKey }, undefined, 0);
    const { privateKey: copy } = runSteps(plane.snapshot(1)).snapshot;
    copy?.fill(0);
    expect(runSteps(plane.snapshot(1)).snapshot.privateKey).toEqual(privateKey);
    plane.configure({ privateKey: null }, undefined, 0);
    expect(runSteps(plane.snapshot(1)).snapshot).not.toHaveProperty('privateKey');
  });

  it('changes the MTU and reports it once', () => {
    const { plane, events } = setUp();
    plane.setMtu(1280);
    plane.setMtu(1280);
    expect(runSteps(plane.snapshot(1)).snapshot.mtu).toBe(1280);
    expect(events).toEqual([{ type: 'mtu', mtu: 1280 }]);
  });

  it('reports drops to a listener, at most once per second', () => {
    const { plane, events } = setUp();
    plane.listen(['drop']);
    plane.reports.onSendError(101, STICKY);
    expect(plane.due).toBe(Infinity);
    plane.finish(5);
    expect(events).toEqual([{ type: 'drop', reason: 'send-failed', count: 1 }]);
    plane.reports.onSendError(101, STICKY);
    plane.finish(6);
    expect(plane.due).toBe(1005);
  });

  it('returns its next private key in the first slice of a read, and again when a read starts again', () => {
    const { plane } = setUp();
    const { privateKey } = ALICE;
    plane.configure({ privateKey }, undefined, 0);
    expect(runSteps(plane.snapshot(1)).snapshot).not.toHaveProperty('nextPrivateKey');
    plane.endSnapshot(1);
    const many = Array.from({ length: 2000 }, (_, i) => ({ publicKey: keyOf(i + 1) }));
    plane.configure({ nextPrivateKey: BOB.privateKey, peers: many }, undefined, 0);
    const first = runSteps(plane.snapshot(2));
    expect(first.isLast).toBe(false);
    expect(first.snapshot).toMatchObject({ privateKey, nextPrivateKey: BOB.privateKey });
    expect(runSteps(plane.snapshot(2)).snapshot).not.toHaveProperty('nextPrivateKey');
    plane.endSnapshot(2);
    expect(runSteps(plane.snapshot(2)).snapshot.nextPrivateKey).toEqual(BOB.privateKey);
  });

  it('lists the endpoints of its peers', () => {
    const { plane } = setUp();
    plane.configure({ peers: [{ publicKey: BOB.publicKey, endpoint: STICKY }] }, undefined, 0);
    expect([...plane.endpoints()]).toEqual([STICKY]);
  });

  it('counts packets of the TUN, and returns the counters of the sockets', () => {
    const { plane, tun } = setUp();
    expect(plane.stats()).toMatchObject({ tun: { readPackets: 0, writtenPackets: 0 }, udp: {} });
    const sockets = new FakeSockets();
    sockets.counters.receiveDroppedTruncated = 3;
    plane.linkUp(sockets, 0);
    tun.incoming.push(new Uint8Array(40), new Uint8Array(40));
    plane.path.step(0);
    const { udp, tun: counted } = plane.stats();
    expect(udp).toEqual({ receiveDroppedTruncated: 3 });
    expect(udp).not.toBe(sockets.counters);
    expect(counted).toEqual({ readPackets: 2, writtenPackets: 0 });
  });

  it('sends an initiation at once for a new keepalive interval, and connects only to known peers', () => {
    const { plane } = setUp();
    const sockets = new FakeSockets();
    plane.linkUp(sockets, 0);
    const { privateKey } = ALICE;
    const { publicKey } = BOB;
    const types = () => sockets.sent.map(({ bytes }) => bytes[0]);
    plane.configure({ privateKey, peers: [{ publicKey, endpoint: STICKY }] }, undefined, 0);
    expect(types()).toEqual([]);
    plane.configure({ peers: [{ publicKey, persistentKeepalive: 25 }] }, undefined, 0);
    expect(types()).toEqual([1]);
    expect(() => plane.connect(ALICE.publicKey, 0)).toThrow(
      '"publicKey" expected the key of a configured peer',
    );
    expect(plane.connect(publicKey, 0)).toBe(false);
  });

  it('sets a mark that differs, and leaves the mark of new sockets to the driver', () => {
    const { plane } = setUp();
    const sockets = new FakeSockets();
    plane.linkUp(sockets, 0);
    plane.configure({ fwmark: 0 }, undefined, 0);
    plane.configure({ fwmark: 5 }, undefined, 0);
    plane.configure({ fwmark: 5, listenPort: 9 }, new FakeSockets({ port: 9 }), 0);
    const after = new FakeSockets({ port: 10 });
    plane.configure({ fwmark: 6, listenPort: 10 }, after, 0);
    expect(sockets.calls).toEqual(['setMark 5', 'close']);
    expect(after.calls).toEqual([]);
    plane.linkDown(0);
    plane.configure({ fwmark: 7 }, undefined, 0);
    expect(plane.bindingForLinkUp()).toEqual({ port: 10, mark: 7 });
  });

  it('lets the sockets check for a flood, and again at the time that they return', () => {
    const { plane } = setUp();
    const sockets = Object.assign(new FakeSockets(), {
      updateFloodFilter: (now: number) => now + 7,
    });
    plane.linkUp(sockets, 0);
    plane.finish(5);
    expect(plane.due).toBe(12);
    plane.linkDown(5);
    expect(plane.due).toBe(Infinity);
    plane.finish(6);
    expect(plane.due).toBe(Infinity);
  });

  it('forgets a lost source once, and keeps the other sources', () => {
    const { plane } = setUp();
    plane.linkUp(new FakeSockets(), 0);
    const other = new Endpoint(Uint8Array.of(192, 0, 2, 9), 5, { sourceInterface: 2 });
    const peers = [
      { publicKey: BOB.publicKey, endpoint: STICKY },
      { publicKey: ALICE.publicKey, endpoint: other },
    ];
    plane.configure({ peers }, undefined, 0);
    plane.reports.onSourceLost(STICKY);
    plane.finish(0);
    expect([...plane.endpoints()]).toEqual([STICKY.withoutSource(), other]);
    plane.configure({ peers: [{ publicKey: BOB.publicKey, endpoint: STICKY }] }, undefined, 0);
    plane.finish(1);
    expect([...plane.endpoints()]).toEqual([STICKY, other]);
  });

  it('reports changes of peers only with a listener', () => {
    const { plane, events } = setUp();
    plane.configure({ peers: [{ publicKey: BOB.publicKey }] }, undefined, 0);
    plane.finish(0);
    plane.listen(['peer']);
    plane.configure({ peers: [{ publicKey: BOB.publicKey, remove: true }] }, undefined, 0);
    plane.finish(1);
    expect(events).toMatchObject([{ type: 'peer', change: 'removed' }]);
  });

  it('closes the sockets with the function of the options, and forgets keys and peers', () => {
    const closed: unknown[] = [];
    const { plane, tun } = setUp({ closeSockets: (sockets) => closed.push(sockets) });
    const sockets = new FakeSockets();
    plane.linkUp(sockets, 0);
    const { privateKey } = ALICE;
    plane.configure({ privateKey, peers: [{ publicKey: BOB.publicKey }] }, undefined, 0);
    plane.close(1);
    expect(closed).toEqual([sockets]);
    expect(runSteps(plane.snapshot(1)).snapshot).not.toHaveProperty('privateKey');
    expect(runSteps(plane.snapshot(1)).snapshot.peers).toEqual([]);
    expect(tun.isClosed).toBe(false);
  });
});

const STICKY = new Endpoint(Uint8Array.of(192, 0, 2, 2), 51820, {
  sourceAddress: Uint8Array.of(192, 0, 2, 1),
  sourceInterface: 2,
});

function setUp({
  closeSockets,
  crypto = nobleProvider,
}: { closeSockets?: (sockets: unknown) => void; crypto?: CryptoProvider } = {}): {
  plane: DataPlane;
  tun: FakeTun;
  events: PlaneEvent[];
} {
  const tun = new FakeTun();
  const events: PlaneEvent[] = [];
  const plane = new DataPlane({
    tun,
    memory: new PacketMemory(),
    onEvent: (event) => events.push(event),
    crypto,
    ...(closeSockets && { closeSockets }),
  });
  return { plane, tun, events };
}

function keyOf(number: number): PublicKey {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return parsePublicKey(bytes);
}

function bug(): never {
  throw new TypeError('a bug');
}

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('expected it to throw');
}
