import { describe, expect, test } from 'vitest';
import {
  exitStatusOf,
  judge,
  type Observations,
  type PeerObservation,
  type Sighting,
  type TargetObservation,
} from '../../src/verify/judge.ts';

describe('judge', () => {
  test('passes a peer that answers through the tunnel', () => {
    expect(judgePeers(peer())).toEqual({
      verdict: 'PASS',
      peers: [
        {
          peer: 'b',
          verdict: 'PASS',
          reasons: ['3 answers between 10.1.0.0 and 10.2.0.0; 4 encrypted datagrams out, 3 in'],
          leaks: [],
        },
      ],
    });
  });

  test('needs only one answer from a pair of addresses', () => {
    expect(verdictOf(peer({ targets: [target({ answered: ['icmp'] })] }))).toBe('PASS');
  });

  test('reports a test packet in plaintext as a leak, with its flow, link and direction', () => {
    const judged = judgePeers(peer({ targets: [target({ plaintext: [sighting()] })] }));
    expect(judged.verdict).toBe('LEAK');
    expect(judged.peers[0]?.reasons).toEqual([
      'udp 10.1.0.0 -> 10.2.0.0 leaves in plaintext on eth0',
    ]);
    const inner = sighting({ direction: 'in', isInner: true });
    expect(
      judgePeers(peer({ targets: [target({ plaintext: [inner] })] })).peers[0]?.reasons,
    ).toEqual(['udp 10.1.0.0 -> 10.2.0.0 comes in plaintext on eth0, inside another packet']);
  });

  test('names a flow once, however often it was seen', () => {
    const plaintext = [sighting(), sighting(), sighting({ protocol: 'tcp' }), sighting()];
    const [judged] = judgePeers(peer({ targets: [target({ plaintext })] })).peers;
    expect(judged?.leaks.map(({ protocol }) => protocol)).toEqual(['udp', 'tcp']);
  });

  test('reports a leak, whatever else happened', () => {
    const leaky = [target({ plaintext: [sighting()], answered: [], sendError: 'ENETUNREACH' })];
    const all = { targets: leaky, obstacle: 'an obstacle', sealedOut: 0, sealedIn: 0 };
    expect(verdictOf(peer(all), { lost: 7, links: [] })).toBe('LEAK');
  });

  test.each<[reason: string, peer: Partial<PeerObservation>, Partial<Observations>?]>([
    [
      'the record of the peer is refused',
      { obstacle: 'the record of the peer is refused', targets: [] },
    ],
    ['no answer from 10.2.0.0', { targets: [target(), target({ answered: [] })] }],
    ['cannot send to 10.2.0.0: EPERM', { targets: [target({ answered: [], sendError: 'EPERM' })] }],
    ['no encrypted datagram to the peer was seen on eth0', { sealedOut: 0 }],
    ['no encrypted datagram from the peer was seen on eth0', { sealedIn: 0 }],
    ['no encrypted datagram to the peer was seen on any link', { sealedOut: 0 }, { links: [] }],
    ['the capture missed 2 frames; try again when there is less traffic', {}, { lost: 2 }],
  ])('is inconclusive if %s', (reason, of, observations) => {
    expect(judgePeers(peer(of), observations).peers[0]).toEqual({
      peer: 'b',
      verdict: 'INCONCLUSIVE',
      reasons: [reason],
      leaks: [],
    });
  });

  test('returns the worst verdict of all peers', () => {
    const unknown = peer({ obstacle: 'the record of the peer is refused' });
    const leaky = peer({ targets: [target({ plaintext: [sighting()] })] });
    expect(judge({ ...SEEN, peers: [peer(), unknown] }).verdict).toBe('INCONCLUSIVE');
    expect(judge({ ...SEEN, peers: [peer(), unknown, leaky] }).verdict).toBe('LEAK');
    expect(judge({ ...SEEN, peers: [peer(), peer()] }).verdict).toBe('PASS');
  });

  test('is inconclusive without a peer', () => {
    expect(judge({ ...SEEN, peers: [] })).toEqual({ verdict: 'INCONCLUSIVE', peers: [] });
  });
});

describe('exitStatusOf', () => {
  test.each([
    ['PASS', 0],
    ['LEAK', 1],
    ['INCONCLUSIVE', 2],
  ] as const)('returns for the verdict %s: %d', (verdict, status) => {
    expect(exitStatusOf({ verdict, peers: [] })).toBe(status);
  });
});

const SEEN: Omit<Observations, 'peers'> = { links: ['eth0'], lost: 0 };

function judgePeers(of: PeerObservation, observations: Partial<Observations> = {}) {
  return judge({ ...SEEN, peers: [of], ...observations });
}

function verdictOf(of: PeerObservation, observations: Partial<Observations> = {}): string {
  return judgePeers(of, observations).verdict;
}

function peer(of: Partial<PeerObservation> = {}): PeerObservation {
  return { peer: 'b', obstacle: undefined, targets: [target()], sealedOut: 4, sealedIn: 3, ...of };
}

function target(of: Partial<TargetObservation> = {}): TargetObservation {
  return {
    target: { kind: 'pods', family: 4, source: '10.1.0.0', destination: '10.2.0.0' },
    answered: ['icmp', 'udp', 'tcp'],
    sendError: undefined,
    plaintext: [],
    ...of,
  };
}

function sighting(of: Partial<Sighting> = {}): Sighting {
  return {
    protocol: 'udp',
    flow: { source: '10.1.0.0', destination: '10.2.0.0' },
    link: 'eth0',
    direction: 'out',
    isInner: false,
    ...of,
  };
}
