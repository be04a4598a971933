/**
 * `runAgent`: `litz agent`, in the foreground until a signal or `litz agent down`.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { UapiClient } from '@litz/config/uapi';
import {
  Agent,
  CniPrefixes,
  ControlServer,
  controlPath,
  FileRegistry,
  KeyStore,
  LinuxHost,
  staticPrefixes,
  type ControlRequest,
  type PrefixSource,
  type Registry,
} from '@litz/mesh';
import { aborted, EndSignals } from '../../end-signals.ts';
import { Failure } from '../../failure.ts';
import { readAgentFlags, type AgentCommand, type AgentFlags } from './agent-flags.ts';

/** @throws {Failure} it could not start; what was opened is closed */
export async function runAgent(flags: AgentFlags): Promise<void> {
  const command = readAgentFlags(flags);
  const signals = new EndSignals();
  try {
    await serveAgent(command, flags, signals.signal);
  } catch (error) {
    throw inWords(error);
  } finally {
    signals.release();
  }
}

async function serveAgent(
  command: AgentCommand,
  flags: AgentFlags,
  signal: AbortSignal,
): Promise<void> {
  const { settings } = command;
  const { interfaceName } = settings;
  const registry = openRegistry(command);
  const host = await LinuxHost.open({ interfaceName, cniFolder: flags.cniDir });
  const agent = new Agent(settings, {
    registry,
    host,
    client: UapiClient.of(interfaceName),
    prefixes: openPrefixes(command, host),
    keys: new KeyStore({ folder: settings.stateFolder, interfaceName }),
    log: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
  });
  const path = controlPath(interfaceName, flags.controlDir);
  const control = await ControlServer.listen(path, (request) => answer(agent, request));
  try {
    agent.start();
    await Promise.race([aborted(signal), agent.ended]);
  } finally {
    control.close();
    await agent.close();
  }
}

async function answer(agent: Agent, request: ControlRequest): Promise<unknown> {
  switch (request.command) {
    case 'status':
      return agent.status();
    case 'rotate-key':
      return agent.rotateKey({ revoke: request.revoke });
    case 'enforcement':
      return agent.setEnforcement(request.enforcement, { force: request.force });
    case 'encrypt':
      return agent.setMode(request.mode);
    case 'down':
      return agent.down();
  }
}

function openRegistry({ registry }: AgentCommand): Registry {
  if (registry.type === 'file') {
    // The first of the nodes finds none.
    mkdirSync(registry.folder, { recursive: true });
    return new FileRegistry(registry.folder);
  }
  throw new Failure(`--registry ${registry.type} is not there yet`);
}

function openPrefixes({ prefixes, settings }: AgentCommand, host: LinuxHost): PrefixSource {
  if (prefixes.type === 'static') return staticPrefixes(prefixes.prefixes);
  const { interfaceName, port, addresses } = settings;
  return new CniPrefixes(() => host.facts({ interfaceName, port, nodeAddresses: addresses }));
}

/** What the mesh throws says what is wrong, and what to do. */
function inWords(error: unknown): unknown {
  if (!(error instanceof Error) || !WORDS.has(error.name)) return error;
  return new Failure(error.message, { cause: error });
}

const WORDS: ReadonlySet<string> = new Set([
  'AgentError',
  'ControlError',
  'KeyFileError',
  'MeshHostError',
  'RecordError',
  'RotationError',
]);
