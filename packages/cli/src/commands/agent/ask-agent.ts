/**
 * The commands that talk to a running agent, for example `litz agent status`.
 *
 * @module
 */
import {
  askAgent,
  controlPath,
  formatStatus,
  type MeshStatus,
  type ControlRequest,
} from '@litz/mesh';
import { Failure } from '../../failure.ts';

/** Says which agent a command talks to. */
export interface AgentPlace {
  readonly interfaceName: string;
  readonly controlFolder: string;
}

/** @throws {Failure} there is no agent, or it refused */
export async function showStatus(
  place: AgentPlace,
  options: { readonly json: boolean },
): Promise<void> {
  const status = await statusOf(place);
  const text = options.json ? `${JSON.stringify(status, undefined, 2)}\n` : formatStatus(status);
  process.stdout.write(text);
}

/** @throws {Failure} there is no agent, or it refused */
export async function statusOf(place: AgentPlace): Promise<MeshStatus> {
  return (await request(place, { command: 'status' })) as MeshStatus;
}

/** @throws {Failure} there is no agent, or it refused */
export async function tellAgent(place: AgentPlace, what: ControlRequest): Promise<void> {
  process.stdout.write(`${String(await request(place, what))}\n`);
}

async function request(
  { interfaceName, controlFolder }: AgentPlace,
  what: ControlRequest,
): Promise<unknown> {
  try {
    return await askAgent(controlPath(interfaceName, controlFolder), what);
  } catch (error) {
    throw new Failure((error as Error).message, { cause: error });
  }
}
