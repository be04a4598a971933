/**
 * `formatJudgement`: what `litz agent verify` prints.
 *
 * @module
 */
import type { Judgement } from './judge.ts';

/** One line for each thing that is said of a peer, then one for all. */
export function formatJudgement({ peers, verdict }: Judgement): string {
  const width = Math.max(0, ...peers.map(({ peer }) => peer.length));
  const lines = peers.flatMap((peer) =>
    peer.reasons.map(
      (reason) => `${peer.verdict.padEnd(12)}  ${peer.peer.padEnd(width)}  ${reason}`,
    ),
  );
  const passed = peers.filter((peer) => peer.verdict === 'PASS').length;
  const all =
    peers.length === 0 ? 'no peer to verify' : `${passed} of ${peers.length} peers passed`;
  return `${[...lines, `${verdict.padEnd(12)}  ${all}`].join('\n')}\n`;
}
