import { Endpoint, type Engine } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { SimulatedNetwork } from '../src/simulated-network.ts';

describe('SimulatedNetwork', () => {
  it('fails if a timer is due again and again at the same time', () => {
    const network = new SimulatedNetwork();
    network.add(stub({ pollTimeout: () => network.now }), ENDPOINT);
    expect(() => network.drive(1)).toThrow(`the events at ${network.now} ms never end`);
  });

  it('continues if time advances', () => {
    const network = new SimulatedNetwork();
    let fired = 0;
    network.add(
      stub({ pollTimeout: () => network.now + 1, handleTimeout: () => void fired++ }),
      ENDPOINT,
    );
    // A timer is always due in the next millisecond.
    for (let i = 0; i < 20_000; i++) network.step();
    expect(network.now).toBe(1_020_000);
    expect(fired).toBe(0);
  });

  it('fails if each answer causes another answer', () => {
    const network = new SimulatedNetwork();
    network.add(
      stub({
        handleDatagram: () => {
          network.inject(Uint8Array.of(1), ENDPOINT, ENDPOINT);
          return undefined;
        },
      }),
      ENDPOINT,
    );
    network.inject(Uint8Array.of(1), ENDPOINT, ENDPOINT);
    network.batchSize = undefined;
    expect(() => network.settle()).toThrow('the answers never end');
  });
});

const ENDPOINT = new Endpoint(Uint8Array.of(192, 0, 2, 1), 1);

/** Returns an engine with the given methods; its other methods do nothing. */
function stub(methods: Partial<Engine>): Engine {
  return {
    pollTimeout: () => Infinity,
    pollTransmit: none,
    pollPacket: none,
    pollEvent: none,
    handleTimeout: none,
    handleDatagram: none,
    ...methods,
  } as Engine;
}

function none(): undefined {
  return undefined;
}
