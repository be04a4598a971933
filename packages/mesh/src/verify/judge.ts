/**
 * `judge`: from what was seen to what is said of each peer. Pure.
 *
 * `PASS` is said only with proof: answers came, the tunnel's datagrams were seen going and coming, the
 * capture missed nothing, and no probe was seen as it is. `LEAK` is said when a probe was seen as it is,
 * whatever else happened. Everything else is `INCONCLUSIVE`, with what is missing.
 *
 * @module
 */
import type { Flow } from './frame.ts';
import type { ProbeProtocol, ProbeTarget } from './probe-plan.ts';

export type Verdict = 'PASS' | 'LEAK' | 'INCONCLUSIVE';

/** A probe that was seen in plaintext. */
export interface Sighting {
  readonly protocol: ProbeProtocol;
  readonly flow: Flow;
  /** Name of the interface. */
  readonly link: string;
  /** `in`: the peer sent it. */
  readonly direction: 'out' | 'in';
  /** It stood in another packet, an overlay's. */
  readonly isInner: boolean;
}

/** What came of the probes between two addresses. */
export interface TargetObservation {
  readonly target: ProbeTarget;
  /** Of those that were answered. */
  readonly answered: readonly ProbeProtocol[];
  /** Why one couldn't be sent: `ENETUNREACH`. */
  readonly sendError: string | undefined;
  readonly plaintext: readonly Sighting[];
}

export interface PeerObservation {
  readonly peer: string;
  readonly obstacle: string | undefined;
  readonly targets: readonly TargetObservation[];
  /** Datagrams of the tunnel with its endpoint. */
  readonly sealedOut: number;
  readonly sealedIn: number;
}

export interface Observations {
  /** Names of the interfaces that were captured. */
  readonly links: readonly string[];
  /** Frames that the capture missed. */
  readonly lost: number;
  readonly peers: readonly PeerObservation[];
}

export interface PeerVerdict {
  readonly peer: string;
  readonly verdict: Verdict;
  /** Sentences: of a PASS what proves it, else what is wrong. */
  readonly reasons: readonly string[];
  /** What was seen in plaintext, each flow once. */
  readonly leaks: readonly Sighting[];
}

export interface Judgement {
  /** The worst one: LEAK, then INCONCLUSIVE. Without any peer nothing is proven. */
  readonly verdict: Verdict;
  readonly peers: readonly PeerVerdict[];
}

export function judge(observations: Observations): Judgement {
  const peers = observations.peers.map((peer) => judgePeer(peer, observations));
  const has = (verdict: Verdict): boolean => peers.some((peer) => peer.verdict === verdict);
  const isProven = peers.length > 0 && !has('INCONCLUSIVE');
  return { verdict: has('LEAK') ? 'LEAK' : isProven ? 'PASS' : 'INCONCLUSIVE', peers };
}

/** 0: all peers passed. 1: there is a leak. 2: something could not be found out. */
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
    const which = sealedOut === 0 ? 'to it' : 'from it';
    doubts.push(`no encrypted datagram ${which} was seen on ${links.join(', ') || 'any link'}`);
  }
  if (lost > 0)
    doubts.push(`the capture missed ${lost} frames: try again when there is less traffic`);
  return doubts;
}

function leakText({ protocol, flow, link, direction, isInner }: Sighting): string {
  const way = direction === 'out' ? 'leaves' : 'comes';
  const where = isInner ? `${link}, inside of another packet` : link;
  return `${protocol} ${flow.source} -> ${flow.destination} ${way} in plaintext on ${where}`;
}

function targetText({ target: { source, destination } }: TargetObservation): string {
  return `${source} and ${destination}`;
}

function unique(sightings: readonly Sighting[]): Sighting[] {
  return [...new Map(sightings.map((sighting) => [leakText(sighting), sighting])).values()];
}
