/**
 * The commands that talk to a running agent, for example `litz agent status`.
 *
 * @module
 */
import {
  sendControlRequest,
  controlPath,
  formatStatus,
  type MeshStatus,
  type ControlRequest,
} from '@litz/mesh';
import { Failure } from '../../failure.ts';

/** Says which agent a command talks to. */
export interface AgentTarget {
  readonly interfaceName: string;
  readonly controlFolder: string;
}

/** @throws {Failure} there is no agent, or it refused */
export async function showStatus(
  target: AgentTarget,
  options: { readonly json: boolean },
): Promise<void> {
  const status = await statusOf(target);
  const text = options.json ? `${JSON.stringify(status, undefined, 2)}\n` : formatStatus(status);
  process.stdout.write(text);
}

/** @throws {Failure} there is no agent, or it refused */
export async function statusOf(target: AgentTarget): Promise<MeshStatus> {
  return (await request(target, { command: 'status' })) as MeshStatus;
}

/** @throws {Failure} there is no agent, or it refused */
export async function printAnswer(target: AgentTarget, what: ControlRequest): Promise<void> {
  process.stdout.write(`${String(await request(target, what))}\n`);
}

async function request(
  { interfaceName, controlFolder }: AgentTarget,
  what: ControlRequest,
): Promise<unknown> {
  try {
    return await sendControlRequest(controlPath(interfaceName, controlFolder), what);
  } catch (error) {
    throw new Failure((error as Error).message, { cause: error });
  }
}
