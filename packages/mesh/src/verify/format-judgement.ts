/**
 * `formatJudgement`: formats a judgement as `litz agent verify` prints it.
 *
 * @module
 */
import type { Judgement } from './judge.ts';

/**
 * Returns one line for each reason of each peer, then one line for all peers. Each line has a line
 * end.
 */
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
