/**
 * `judge`: derives a verdict for each peer from the observations. Pure.
 *
 * `PASS` needs proof: each pair of addresses had an answer, encrypted datagrams were seen in both
 * directions, the capture missed no frame, and no probe was seen in plaintext. A probe is a test
 * packet of `verifyMesh`. `LEAK` means that a probe was seen in plaintext, whatever else was
 * observed. Every other result is `INCONCLUSIVE`, and the reasons name what is missing.
 *
 * @module
 */
import type { Flow } from './frame.ts';
import type { ProbeProtocol, ProbeTarget } from './probe-plan.ts';

/**
 * `PASS`: the probes were encrypted. `LEAK`: a probe was seen in plaintext. `INCONCLUSIVE`: neither
 * is proved.
 */
export type Verdict = 'PASS' | 'LEAK' | 'INCONCLUSIVE';

/** A packet of a probe that was seen in plaintext. */
export interface Sighting {
  readonly protocol: ProbeProtocol;
  readonly flow: Flow;
  /** Name of the link where it was seen. */
  readonly link: string;
  /** `out`: this node sent it. `in`: the peer sent it. */
  readonly direction: 'out' | 'in';
  /** Whether it was inside another packet, such as a packet of an overlay. */
  readonly isInner: boolean;
}

/** The results of the probes between two addresses. */
export interface TargetObservation {
  readonly target: ProbeTarget;
  /** Protocols of the probes that were answered. */
  readonly answered: readonly ProbeProtocol[];
  /** Why a probe could not be sent: `ENETUNREACH`; undefined: all were sent. */
  readonly sendError: string | undefined;
  readonly plaintext: readonly Sighting[];
}

export interface PeerObservation {
  /** Name of the peer. */
  readonly peer: string;
  /** Why the peer could not be probed; then there are no targets. */
  readonly obstacle: string | undefined;
  readonly targets: readonly TargetObservation[];
  /**
   * How many encrypted datagrams were seen to the peer's endpoint (out) and from this endpoint
   * (in).
   */
  readonly sealedOut: number;
  readonly sealedIn: number;
}

export interface Observations {
  /** Names of the links that were captured. */
  readonly links: readonly string[];
  /** How many frames the capture missed. */
  readonly lost: number;
  readonly peers: readonly PeerObservation[];
}

/** The verdict about the traffic with one peer, and its reasons. */
export interface PeerVerdict {
  readonly peer: string;
  readonly verdict: Verdict;
  /** For a PASS: the proof. Else what is wrong, one text for each problem. */
  readonly reasons: readonly string[];
  /** The probes that were seen in plaintext, each flow once. */
  readonly leaks: readonly Sighting[];
}

/** The result of `verifyMesh`: the worst verdict, and one for each peer. */
export interface Judgement {
  /**
   * The worst verdict of all peers: LEAK, then INCONCLUSIVE, then PASS. INCONCLUSIVE if there are
   * no peers.
   */
  readonly verdict: Verdict;
  readonly peers: readonly PeerVerdict[];
}

/** Returns a verdict for each peer and one for all. */
export function judge(observations: Observations): Judgement {
  const peers = observations.peers.map((peer) => judgePeer(peer, observations));
  const has = (verdict: Verdict): boolean => peers.some((peer) => peer.verdict === verdict);
  const isProven = peers.length > 0 && !has('INCONCLUSIVE');
  return { verdict: has('LEAK') ? 'LEAK' : isProven ? 'PASS' : 'INCONCLUSIVE', peers };
}

/**
 * Returns the exit status of `litz agent verify`. 0: all peers passed. 1: there is a leak. 2: a
 * proof is missing.
 */
export function exitStatusOf({ verdict }: Judgement): 0 | 1 | 2 {
  if (verdict === 'PASS') return 0;
  return verdict === 'LEAK' ? 1 : 2;
}

function judgePeer(observed: PeerObservation, observations: Observations): PeerVerdict {
  const { peer, targets, sealedIn, sealedOut } = observed;
  const leaks = unique(targets.flatMap(({ plaintext }) => plaintext));
  if (leaks.length > 0) return { peer, verdict: 'LEAK', reasons: leaks.map(leakText), leaks };
  const doubts = doubtsAbout(observed, observations);
  if (doubts.length > 0) return { peer, verdict: 'INCONCLUSIVE', reasons: doubts, leaks };
  const answers = targets.reduce((sum, { answered }) => sum + answered.length, 0);
  const reason =
    `${answers} answers between ${targets.map(targetText).join(', ')}; ` +
    `${sealedOut} encrypted datagrams out, ${sealedIn} in`;
  return { peer, verdict: 'PASS', reasons: [reason], leaks };
}

function doubtsAbout(observed: PeerObservation, { links, lost }: Observations): string[] {
  const { obstacle, targets, sealedOut, sealedIn } = observed;
  if (obstacle !== undefined) return [obstacle];
  const doubts = targets
    .filter(({ answered }) => answered.length === 0)
    .map(({ target, sendError }) =>
      sendError === undefined
        ? `no answer from ${target.destination}`
        : `cannot send to ${target.destination}: ${sendError}`,
    );
  if (doubts.length > 0) return doubts;
  if (sealedOut === 0 || sealedIn === 0) {
    const which = sealedOut === 0 ? 'to the peer' : 'from the peer';
    doubts.push(`no encrypted datagram ${which} was seen on ${links.join(', ') || 'any link'}`);
  }
  if (lost > 0)
    doubts.push(`the capture missed ${lost} frames; try again when there is less traffic`);
  return doubts;
}

function leakText({ protocol, flow, link, direction, isInner }: Sighting): string {
  const way = direction === 'out' ? 'leaves' : 'comes';
  const where = isInner ? `${link}, inside another packet` : link;
  return `${protocol} ${flow.source} -> ${flow.destination} ${way} in plaintext on ${where}`;
}

function targetText({ target: { source, destination } }: TargetObservation): string {
  return `${source} and ${destination}`;
}

function unique(sightings: readonly Sighting[]): Sighting[] {
  return [...new Map(sightings.map((sighting) => [leakText(sighting), sighting])).values()];
}
