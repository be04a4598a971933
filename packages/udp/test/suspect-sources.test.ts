import { Endpoint } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { SuspectSources } from '../src/suspect-sources.ts';

const SOCKET = { port: 51820, mark: 0 };
const LOCAL = Uint8Array.of(198, 51, 100, 1);
const GOOD = 3;
const WRONG = 4;

describe('SuspectSources', () => {
  test('makes no look-up before something is sent to a suspect endpoint', () => {
    const { suspects, asked } = create();
    expect(suspects.check(endpoint(1), SOCKET)).toEqual(endpoint(1));
    suspects.add(endpoint(1));
    suspects.check(endpoint(2), SOCKET);
    expect(asked).toEqual([]);
    expect(suspects.size).toBe(1);
  });

  test('does not suspect an endpoint after one look-up has shown that its source works', () => {
    const { suspects, asked } = create();
    const [peer] = [endpoint(1)];
    suspects.add(peer);
    for (let i = 0; i < 3; i++) expect(suspects.check(peer, SOCKET)).toBe(peer);
    expect(asked).toEqual([1]);
    expect(suspects.size).toBe(0);
  });

  test('until the end of the turn, replaces an endpoint whose source does not work', () => {
    const { suspects, asked } = create();
    const peer = endpoint(1, WRONG);
    suspects.add(peer);
    const [first, second] = [suspects.check(peer, SOCKET), suspects.check(peer, SOCKET)];
    expect(first).toEqual(peer.withoutSource());
    expect(second).toBe(first);
    expect(asked).toEqual([1]);
    expect(suspects.size).toBe(1);
    suspects.endTurn();
    expect(suspects.size).toBe(0);
    // The endpoint is not suspect any more, so its source is not checked until routes change again.
    expect(suspects.check(peer, SOCKET)).toBe(peer);
  });

  test('checks 16 endpoints per turn; the others keep their source until later', () => {
    const { suspects, asked } = create();
    const peers = Array.from({ length: 40 }, (_, i) => endpoint(i, WRONG));
    for (const peer of peers) suspects.add(peer);
    const kept = (): number => peers.filter((peer) => suspects.check(peer, SOCKET) === peer).length;
    expect([kept(), asked.length]).toEqual([24, 16]);
    for (const looked of [32, 40, 40]) {
      suspects.endTurn();
      kept();
      expect(asked).toHaveLength(looked);
    }
  });

  test('does not suspect an endpoint without a source, or a link-local address', () => {
    const { suspects } = create();
    suspects.add(endpoint(1).withoutSource());
    const address = new Uint8Array(16).fill(0xfe);
    suspects.add(new Endpoint(address, 1, { scopeId: GOOD, sourceInterface: GOOD }));
    expect(suspects.size).toBe(0);
    suspects.add(new Endpoint(address, 1, { sourceInterface: GOOD }));
    suspects.add(new Endpoint(address, 1, { sourceAddress: address }));
    expect(suspects.size).toBe(2);
    suspects.clear();
    expect(suspects.size).toBe(0);
  });
});

/** Creates `SuspectSources` with routes that all use the interface `GOOD`. */
function create(): { suspects: SuspectSources; asked: number[] } {
  const asked: number[] = [];
  const routeTo = (address: Uint8Array): { interfaceIndex: number; type: 'unicast' } => {
    asked.push(address[3]);
    return { interfaceIndex: GOOD, type: 'unicast' };
  };
  return { suspects: new SuspectSources({ routeTo }), asked };
}

function endpoint(last: number, sourceInterface: number = GOOD): Endpoint {
  const address = Uint8Array.of(192, 0, 2, last);
  return new Endpoint(address, 1000, { sourceAddress: LOCAL, sourceInterface });
}
