/**
 * `runAgent`: runs `litz agent` in the foreground, until a signal or `litz agent down`.
 *
 * @module
 */
import { mkdirSync } from 'node:fs';
import { UapiClient } from '@litz/config/uapi';
import {
  Agent,
  AgentLock,
  CniPrefixes,
  ControlServer,
  controlPath,
  EtcdRegistry,
  FileRegistry,
  KeyStore,
  KubePrefixes,
  KubernetesRegistry,
  LinuxHost,
  keepRemovingStartTaint,
  meshMetrics,
  staticPrefixes,
  StatusPage,
  TextServer,
  type ControlRequest,
  type ListenAddress,
  type KubeApi,
  type MeshStatus,
  type PrefixSource,
  type Registry,
  type TextAnswer,
} from '@litz/mesh';
import { aborted, EndSignals } from '../../end-signals.ts';
import { Failure } from '../../failure.ts';
import { kubernetesGround, type KubernetesGround } from './kubernetes-ground.ts';
import { readAgentFlags, type AgentCommand, type AgentFlags } from './agent-flags.ts';
import { readEtcdFlags } from './registry-flags.ts';
import { readableSecrets } from './readable-secrets.ts';

/** @throws {Failure} the agent could not start; everything is closed */
export async function runAgent(flags: AgentFlags): Promise<void> {
  const signals = new EndSignals();
  try {
    if (flags.registry === 'kubernetes') {
      const ground = await kubernetesGround(flags, process.env, signals.signal);
      await serveAgent(readAgentFlags(ground.flags), flags, signals.signal, ground);
    } else {
      await serveAgent(readAgentFlags(flags), flags, signals.signal);
    }
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
  ground?: KubernetesGround,
): Promise<void> {
  const api = ground?.api;
  const lock = new AgentLock(command.settings);
  // Everything that is opened must be closed, because it would keep the process alive.
  const opened: Closable[] = [lock];
  const ending = new AbortController();
  try {
    const agent = await openAgent(command, flags, api);
    opened.push(agent);
    const path = controlPath(command.settings.interfaceName, flags.controlDir);
    opened.push(await ControlServer.listen(path, (request) => answer(agent, request)));
    await openServers(command, agent, opened);
    for (const finding of ground?.findings ?? []) agent.events.say(finding);
    for (const trouble of lock.troubles) agent.events.say(trouble, { level: 'warning' });
    for (const line of readableSecrets(flags)) agent.events.say(line, { level: 'warning' });
    agent.start();
    const { startTaint } = flags;
    if (api && startTaint !== undefined) {
      void agent.ready.then(() => takeTaintOff(agent, api, startTaint, ending.signal));
    }
    await Promise.race([aborted(signal), agent.ended]);
  } finally {
    ending.abort();
    for (const item of opened.toReversed()) await item.close();
  }
}

interface Closable {
  close(): void | Promise<void>;
}

async function openAgent(command: AgentCommand, flags: AgentFlags, api?: KubeApi): Promise<Agent> {
  const { settings } = command;
  const { interfaceName, stateFolder } = settings;
  const registry = openRegistry(command, flags, api);
  let host: LinuxHost | undefined;
  try {
    host = await LinuxHost.open({ interfaceName, cniFolder: flags.cniDir });
    return new Agent(settings, {
      registry,
      host,
      client: UapiClient.of(interfaceName),
      prefixes: openPrefixes(command, host, api),
      keys: new KeyStore({ folder: stateFolder, interfaceName }),
      log: (line) => process.stderr.write(`${new Date().toISOString()} ${line}\n`),
    });
  } catch (error) {
    host?.close();
    await registry.close();
    throw error;
  }
}

/**
 * Opens the servers of page, metrics and health that the flags ask for.
 *
 * @throws {Failure} an address cannot be used
 */
async function openServers(
  { page, metrics, health }: AgentCommand,
  agent: Agent,
  opened: Closable[],
): Promise<void> {
  const open = async (flag: string, server: Promise<Closable>): Promise<void> => {
    try {
      opened.push(await server);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = LISTEN_FAILURES[code ?? ''] ?? message;
      throw new Failure(`${flag}: ${reason}`, { cause: error });
    }
  };
  if (page) await open(`--page ${page.host}:${page.port}`, StatusPage.open(agent, page));
  if (metrics) {
    await open(`--metrics ${textOf(metrics)}`, TextServer.listen(metrics, metricsPaths(agent)));
  }
  if (health) {
    await open(`--health ${textOf(health)}`, TextServer.listen(health, healthPaths(agent)));
  }
}

function textOf({ host, port }: ListenAddress): string {
  return host?.includes(':') === true ? `[${host}]:${port}` : `${host ?? ''}:${port}`;
}

function metricsPaths(agent: Agent): ReadonlyMap<string, () => Promise<TextAnswer>> {
  return new Map([
    ['/metrics', async () => ({ status: 200, ...(await meshMetrics(await agent.status())) })],
  ]);
}

function healthPaths(agent: Agent): ReadonlyMap<string, () => TextAnswer> {
  return new Map([
    ['/healthz', () => ({ status: 200, text: 'ok\n' })],
    [
      '/readyz',
      () => {
        if (agent.isReady) return { status: 200, text: 'ok\n' };
        const troubles = agent.events.troubles.map((trouble) => `${trouble}\n`).join('');
        return { status: 503, text: `not ready\n${troubles}` };
      },
    ],
  ]);
}

async function takeTaintOff(
  agent: Agent,
  api: KubeApi,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const wasThere = await keepRemovingStartTaint(api, agent.settings.node, {
    key,
    signal,
    onTrouble: (trouble) => agent.events.trouble('start taint', trouble),
  });
  if (wasThere === true) agent.events.say(`removed the taint ${key} from the node`);
}

async function answer(agent: Agent, request: ControlRequest): Promise<MeshStatus | string> {
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
    default:
      return agent.down();
  }
}

function openRegistry({ registry }: AgentCommand, flags: AgentFlags, api?: KubeApi): Registry {
  if (registry.type === 'file') {
    // For the first node, the folder may not exist yet.
    mkdirSync(registry.folder, { recursive: true });
    return new FileRegistry(registry.folder);
  }
  if (registry.type === 'etcd') {
    try {
      return new EtcdRegistry(registry.url, readEtcdFlags(flags));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Failure(`--registry: ${error.message}`, { exitCode: 2, cause: error });
    }
  }
  if (!api) throw new Failure('--registry kubernetes was not opened');
  return new KubernetesRegistry(api, { format: flags.format });
}

function openPrefixes(
  { prefixes, settings }: AgentCommand,
  host: LinuxHost,
  api?: KubeApi,
): PrefixSource {
  const { interfaceName, port, addresses, node } = settings;
  if (prefixes.type === 'static') return staticPrefixes(prefixes.prefixes);
  if (api && prefixes.type !== 'cni') return new KubePrefixes(api, node, prefixes.type);
  return new CniPrefixes(() => host.facts({ interfaceName, port, nodeAddresses: addresses }));
}

/** Turns errors of the mesh into failures: their messages say what is wrong and what to do. */
function inWords(error: unknown): unknown {
  if (!(error instanceof Error) || !WORDS.has(error.name)) return error;
  return new Failure(error.message, { cause: error });
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this port: give another port, or end that program (ss -ltnp)',
  EADDRNOTAVAIL: 'this machine has no such address (ip address)',
  EACCES: 'this user may not use this port: give a port above 1023, or add CAP_NET_BIND_SERVICE',
};
const WORDS: ReadonlySet<string> = new Set([
  'AgentError',
  'AgentLockError',
  'ControlError',
  'EtcdError',
  'KeyFileError',
  'KubeError',
  'MeshHostError',
  'RecordError',
  'RotationError',
  'SavedChoicesError',
]);
