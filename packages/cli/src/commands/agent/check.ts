/**
 * `checkMachine`: runs `litz agent check`, which changes nothing.
 *
 * @module
 */
import { checkHost, formatCheckLine, holds, LinuxHost } from '@litz/mesh';
import { Failure } from '../../failure.ts';
import { readCheckFlags, type AgentFlags } from './agent-flags.ts';

/**
 * Prints a line for each check.
 *
 * @throws {Failure} exit code 1: the machine does not support the requested mode; 2: a flag is
 *   wrong
 */
export async function checkMachine(flags: AgentFlags): Promise<void> {
  const { request, addresses, prefixes } = readCheckFlags(flags);
  const { interfaceName, port, table, priority } = request;
  const host = await LinuxHost.open({ interfaceName, cniFolder: flags.cniDir });
  try {
    const facts = await host.facts({
      interfaceName,
      port,
      table,
      priority,
      ...(addresses && { nodeAddresses: addresses }),
      ...(prefixes && { prefixes }),
    });
    const lines = checkHost(facts, request);
    process.stdout.write(lines.map((line) => `${formatCheckLine(line)}\n`).join(''));
    if (holds(lines)) return;
  } finally {
    host.close();
  }
  throw new Failure(
    `this machine does not support --encrypt ${request.mode} with --enforcement ${request.enforcement}`,
  );
}
