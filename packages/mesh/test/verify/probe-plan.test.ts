import { describe, expect, test } from 'vitest';
import type { MeshStatus, PeerStatus } from '../../src/status/mesh-status.ts';
import { planProbes } from '../../src/verify/probe-plan.ts';
import { exampleStatus } from '../page/example-status.ts';

describe('planProbes', () => {
  test('uses the addresses of the tunnel interfaces for pods, in both families', () => {
    expect(planned()).toEqual([
      {
        peer: 'node-1',
        endpoint: '192.0.2.11:51871',
        targets: [
          { kind: 'pods', family: 4, source: '10.244.0.0', destination: '10.244.1.0' },
          { kind: 'pods', family: 6, source: 'fd00:244::', destination: 'fd00:244:1::' },
        ],
        obstacle: undefined,
      },
    ]);
  });

  test('also tests a peer that has not answered, because packets to it may be in plaintext', () => {
    expect(planned({ state: 'waiting', reason: 'no answer yet' })[0]?.targets.length).toBe(2);
  });

  test("takes the peer's tunnel address from the first prefix of each family that is large enough for it", () => {
    const [plan] = planned({ prefixes: ['10.1.0.7/32', '10.2.0.64/26', '10.3.0.0/24'] });
    expect(plan?.targets.map(({ destination }) => destination)).toEqual(['10.2.0.64']);
  });

  test.each([
    ['nodes', 'enabled', true, true],
    ['nodes', 'enabled', false, false],
    ['nodes', 'opted-out', true, false],
    ['all', 'enabled', false, true],
    ['pods', 'disabled', true, false],
  ] as const)(
    'in mode %s, with node encryption %s here and %s at the peer, also tests the nodes: %s',
    (mode, nodeEncryption, encryptsNode, isAsked) => {
      const [plan] = planned({ encryptsNode }, { mode, nodeEncryption });
      const nodes = plan?.targets.filter(({ kind }) => kind === 'node');
      expect(nodes).toEqual(
        isAsked
          ? [{ kind: 'node', family: 4, source: '192.0.2.10', destination: '192.0.2.11' }]
          : [],
      );
    },
  );

  test('gives the reason why a peer cannot be tested', () => {
    expect(planned({ state: 'refused', reason: 'keys[0]: zero' })[0]).toMatchObject({
      targets: [],
      obstacle: 'the record of the peer is refused: keys[0]: zero',
    });
    expect(planned({}, { enforcement: 'off' })[0]).toMatchObject({
      targets: [],
      obstacle: 'encryption is switched off on this node',
    });
    expect(planned({ prefixes: [] })[0]).toMatchObject({
      targets: [],
      obstacle:
        'there is no family, IPv4 or IPv6, in which both this node and the peer have an address that the mode covers',
    });
  });

  test.each([
    ['permissive', 'traffic with the peer leaves in plaintext'],
    ['enforce', 'traffic with the peer is stopped'],
  ] as const)(
    'with enforcement %s, says what happens to the traffic of the peer if the daemon does not answer',
    (enforcement, what) => {
      const status = exampleStatus({ count: 1 });
      const [plan] = planProbes({
        ...status,
        node: { ...status.node, enforcement },
        interface: { ...status.interface, isUp: false },
      });
      expect(plan).toMatchObject({
        targets: [],
        obstacle: `the daemon of litz0 does not answer; until it does, ${what}`,
      });
    },
  );
});

function planned(
  peer: Partial<PeerStatus> = {},
  node: Partial<MeshStatus['node']> = {},
): ReturnType<typeof planProbes> {
  const status = exampleStatus({ count: 1 });
  return planProbes({
    ...status,
    node: { ...status.node, ...node },
    peers: status.peers.map((one) => ({ ...one, ...peer })),
  });
}
