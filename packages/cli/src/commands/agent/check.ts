/**
 * `checkMachine`: runs `litz agent check`, which tells whether this machine supports what the flags
 * ask for. It changes nothing.
 *
 * @module
 */
import {
  checkHost,
  formatCheckLine,
  holds,
  LinuxHost,
  type CheckLine,
  type ReadRecord,
} from '@litz/mesh';
import { Failure } from '../../failure.ts';
import { readCheckFlags, type AgentFlags } from './agent-flags.ts';
import { openKubeApi } from './kubernetes-defaults.ts';
import { openRegistry, readRecords } from './open-registry.ts';
import { readRegistry } from './registry-flags.ts';

/**
 * Prints a line for each check.
 *
 * @throws {Failure} exit code 1: the machine does not support the requested mode or enforcement;
 *   2: a flag is wrong
 */
export async function checkMachine(flags: AgentFlags): Promise<void> {
  const { request, addresses, prefixes } = readCheckFlags(flags);
  const { interfaceName, port, table, priority } = request;
  const { line, records } = await checkRegistry(flags);
  const host = await LinuxHost.open({ interfaceName, table, priority, cniFolder: flags.cniDir });
  try {
    const facts = await host.facts({
      interfaceName,
      port,
      ...(addresses && { nodeAddresses: addresses }),
      ...(prefixes && { prefixes }),
    });
    const lines = [...checkHost(facts, { ...request, records }), ...(line ? [line] : [])];
    process.stdout.write(lines.map((one) => `${formatCheckLine(one)}\n`).join(''));
    if (holds(lines)) return;
  } finally {
    host.close();
  }
  throw new Failure(
    `this machine does not support --encrypt ${request.mode} with --enforcement ${request.enforcement}`,
  );
}

/** Reads the records of the registry, if a flag names one. `line` says whether they were read. */
async function checkRegistry(
  flags: AgentFlags,
): Promise<{ line?: CheckLine; records: ReadonlyMap<string, ReadRecord> }> {
  if (flags.registry === undefined) return { records: new Map() };
  const choice = readRegistry(flags.registry);
  const subject = 'registry';
  try {
    const api = choice.type === 'kubernetes' ? openKubeApi(flags) : undefined;
    const records = await readRecords(openRegistry(choice, flags, api));
    return { line: { subject, state: 'ok', text: `has ${records.size} records` }, records };
  } catch (error) {
    if (error instanceof Failure && error.exitCode === 2) throw error;
    const text = `cannot be read: ${(error as Error).message}`;
    return { line: { subject, state: 'note', text }, records: new Map() };
  }
}
