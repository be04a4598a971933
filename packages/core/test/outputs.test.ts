import { createPerson } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Outputs } from '../src/outputs.ts';
import type { Peer } from '../src/peer/peer.ts';

describe('Outputs', () => {
  it('returns datagrams in the order in which they were queued', () => {
    const outputs = new Outputs();
    for (const i of [1, 2, 3]) put(outputs, i);
    expect([1, 2, 3].map(() => outputs.nextTransmit()?.datagram[0])).toEqual([1, 2, 3]);
    expect(outputs.nextTransmit()).toBeUndefined();
  });

  it('does not reuse a polled object while other objects wait to be polled', () => {
    const outputs = new Outputs();
    put(outputs, 1);
    put(outputs, 2);
    const first = outputs.nextTransmit();
    put(outputs, 3);
    expect(first?.datagram[0]).toBe(1);
    expect([outputs.nextTransmit(), outputs.nextTransmit()].map((t) => t?.datagram[0])).toEqual([
      2, 3,
    ]);
  });

  it('reuses up to 1024 objects after all were taken, and frees the others', () => {
    const outputs = new Outputs();
    for (let i = 0; i < 5000; i++) put(outputs, i & 0xff);
    const all = new Set<unknown>();
    for (let t = outputs.nextTransmit(); t; t = outputs.nextTransmit()) all.add(t);
    expect(all.size).toBe(5000);
    for (let i = 0; i < 5000; i++) put(outputs, i & 0xff);
    let again = 0;
    for (let t = outputs.nextTransmit(); t; t = outputs.nextTransmit()) if (all.has(t)) again++;
    expect(again).toBe(1024);
  });

  it('sets all fields of a datagram, also in a reused object', () => {
    const outputs = new Outputs();
    const peer = { publicKey: createPerson(1).publicKey, endpoint } as Peer;
    const run = {
      buffer: new Uint8Array(300),
      offset: 50,
      stride: 80,
      length: 9,
      lastLength: 3,
      count: 3,
    };
    outputs.transmitRun(peer, 2, run, 3, 48, 32);
    expect(outputs.nextTransmit()).toMatchObject({
      buffer: run.buffer,
      offset: 50 - 16,
      length: 48,
      lastLength: 32,
      stride: 80,
      count: 3,
      destination: endpoint,
      tos: 2,
      peer: peer.publicKey,
    });
    const buffer = Uint8Array.of(1, 2, 3, 4);
    outputs.transmit(undefined, endpoint, 0x88, buffer, 1, 2);
    const transmit = outputs.nextTransmit();
    expect(transmit).toMatchObject({
      buffer,
      offset: 1,
      length: 2,
      lastLength: 2,
      stride: 0,
      count: 1,
      destination: endpoint,
      tos: 0x88,
      peer: undefined,
    });
    expect(transmit?.datagram).toEqual(Uint8Array.of(2, 3));
    outputs.transmit(peer, endpoint, 0, buffer, 0, 4);
    expect(outputs.nextTransmit()?.peer).toBe(peer.publicKey);
  });

  it('returns each datagram of a run; the last one may be shorter', () => {
    const outputs = new Outputs();
    const peer = { publicKey: createPerson(1).publicKey, endpoint } as Peer;
    const buffer = Uint8Array.from({ length: 100 }, (_, i) => i);
    const run = { buffer, offset: 20, stride: 30, length: 2, lastLength: 1, count: 3 };
    outputs.transmitRun(peer, 0, run, 3, 4, 2);
    const transmit = outputs.nextTransmit();
    expect([0, 1, 2].map((i) => [...(transmit?.datagramAt(i) ?? [])])).toEqual([
      [4, 5, 6, 7],
      [34, 35, 36, 37],
      [64, 65],
    ]);
    expect(transmit?.datagram).toEqual(Uint8Array.of(4, 5, 6, 7));
    // A single datagram has the length of the last datagram.
    outputs.transmitRun(peer, 0, run, 1, 4, 2);
    expect(outputs.nextTransmit()).toMatchObject({ count: 1, length: 2, lastLength: 2 });
  });

  it('queues nothing for a peer without an endpoint', () => {
    const outputs = new Outputs();
    const peer = { publicKey: createPerson(1).publicKey, endpoint: undefined } as Peer;
    const run = {
      buffer: new Uint8Array(99),
      offset: 20,
      stride: 0,
      length: 2,
      lastLength: 2,
      count: 1,
    };
    outputs.transmitRun(peer, 0, run, 1, 48, 48);
    expect(outputs.nextTransmit()).toBeUndefined();
  });

  it('reports the peer of a packet', () => {
    const outputs = new Outputs();
    const { publicKey } = createPerson(1);
    outputs.queuePacket({ publicKey } as Peer, new Uint8Array(9), 3, 4);
    const view = outputs.nextPacket();
    expect(view).toMatchObject({ offset: 3, length: 4, peer: publicKey });
    expect(outputs.nextPacket()).toBeUndefined();
  });

  it('emits trace events only while they are turned on', () => {
    const outputs = new Outputs();
    const peer = { publicKey: createPerson(1).publicKey, handshakeSends: 2 } as Peer;
    expect(outputs.traces).toBe(false);
    outputs.trace(peer, 'retrying');
    expect(outputs.nextEvent()).toBeUndefined();
    outputs.traces = true;
    outputs.trace(peer, 'retrying');
    expect(outputs.nextEvent()).toEqual({
      type: 'trace',
      peer: peer.publicKey,
      step: 'retrying',
      sends: 2,
    });
  });

  it('returns events in order, also those that are added meanwhile', () => {
    const outputs = new Outputs();
    const events = [1, 2, 3, 4].map((number) => ({
      type: 'handshake-failed' as const,
      peer: createPerson(number).publicKey,
    }));
    outputs.queueEvent(events[0]);
    outputs.queueEvent(events[1]);
    expect(outputs.nextEvent()).toBe(events[0]);
    outputs.queueEvent(events[2]);
    expect([outputs.nextEvent(), outputs.nextEvent()]).toEqual([events[1], events[2]]);
    expect(outputs.nextEvent()).toBeUndefined();
    outputs.queueEvent(events[3]);
    expect([outputs.nextEvent(), outputs.nextEvent()]).toEqual([events[3], undefined]);
  });

  it('keeps packets, events and datagrams separate', () => {
    const outputs = new Outputs();
    const peer = createPerson(1).publicKey;
    outputs.queueEvent({ type: 'handshake-failed', peer });
    outputs.queuePacket(undefined, Uint8Array.of(9, 8, 7), 1, 2);
    expect(outputs.nextTransmit()).toBeUndefined();
    expect(outputs.nextPacket()?.packet).toEqual(Uint8Array.of(8, 7));
    expect(outputs.nextEvent()).toEqual({ type: 'handshake-failed', peer });
    expect(outputs.nextEvent()).toBeUndefined();
  });
});

const { endpoint } = createPerson(2);

function put(outputs: Outputs, byte: number): void {
  outputs.transmit(undefined, endpoint, 0, Uint8Array.of(byte), 0, 1);
}
