/**
 * `verify`: runs `litz agent verify`, which finds out whether packets to the peers are readable on
 * the way. This process sends marked test packets and looks for them, so it must run on the node,
 * as root.
 *
 * @module
 */
import { exitStatusOf, formatJudgement, verifyMesh } from '@litz/mesh';
import { Failure } from '../../failure.ts';
import { statusOf, type AgentTarget } from './ask-agent.ts';

/**
 * Prints a line for each peer.
 *
 * @throws {Failure} exit code 1: some packets were readable; 2: the result is unknown for some
 *   peers
 */
export async function verify(
  target: AgentTarget,
  options: { readonly json: boolean },
): Promise<void> {
  const judgement = await verifyMesh(await statusOf(target));
  process.stdout.write(
    options.json ? `${JSON.stringify(judgement, undefined, 2)}\n` : formatJudgement(judgement),
  );
  const exitCode = exitStatusOf(judgement);
  if (exitCode === 0) return;
  throw new Failure(`verify: ${judgement.verdict}`, { exitCode });
}
