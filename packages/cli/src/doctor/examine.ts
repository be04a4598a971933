/**
 * `examine`: finds what is wrong with a tunnel, from facts that were read before. Pure.
 *
 * @module
 */
import { checkInterface } from './check-interface.ts';
import { checkPeer } from './check-peer.ts';
import type { Finding } from './finding.ts';
import type { TunnelFacts } from './tunnel-facts.ts';

/** Returns the findings about the interface and then, if there is a daemon, about each peer. */
export function examine(facts: TunnelFacts): Finding[] {
  const findings = checkInterface(facts);
  if (!facts.daemon) return findings;
  return [...findings, ...facts.peers.flatMap((peer) => checkPeer(peer, facts))];
}
