import { createPerson } from '@litz/testkit';
import { describe, expect, it } from 'vitest';
import { Outputs } from '../src/outputs.ts';

describe('Outputs', () => {
  it('gives everything back in order', () => {
    const outputs = new Outputs();
    for (const i of [1, 2, 3]) put(outputs, i);
    expect([1, 2, 3].map(() => outputs.nextTransmit()?.datagram[0])).toEqual([1, 2, 3]);
    expect(outputs.nextTransmit()).toBeUndefined();
  });

  it('leaves what was polled alone while something is still waiting', () => {
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

  it('uses the objects again after all were taken, and lets a burst go', () => {
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

  it('keeps packets and events apart from datagrams', () => {
    const outputs = new Outputs();
    const peer = createPerson(1).publicKey;
    outputs.event({ type: 'handshake-failed', peer });
    outputs.packet(undefined, Uint8Array.of(9, 8, 7), 1, 2);
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
