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
  KeyStore,
  KubePrefixes,
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
  type TextAnswer,
} from '@litz/mesh';
import { aborted, EndSignals } from '../../end-signals.ts';
import { Failure } from '../../failure.ts';
import { ServiceNotifier } from '../../service/service-notifier.ts';
import { kubernetesDefaults } from './kubernetes-defaults.ts';
import { checkInterfaceName } from '../../interface-name.ts';
import { ClosedStart } from './closed-start.ts';
import { readAgentFlags, type AgentCommand, type AgentFlags } from './agent-flags.ts';
import { openRegistry } from './open-registry.ts';
import { readableSecrets } from './readable-secrets.ts';

/** @throws {Failure} the agent could not start; everything is closed */
export async function runAgent(flags: AgentFlags): Promise<void> {
  const signals = new EndSignals();
  try {
    const isKubernetes = flags.registry === 'kubernetes';
    // Wrong flags are reported before anything is opened. If the registry is Kubernetes, the flags
    // are read later, because Kubernetes fills in some of them.
    const command = isKubernetes ? undefined : readAgentFlags(flags);
    checkInterfaceName(flags.interface);
    const lock = new AgentLock({ interfaceName: flags.interface, stateFolder: flags.stateDir });
    try {
      const { signal } = signals;
      const start = await closedUntil(flags, async () =>
        command ? { command } : startWithKubernetes(flags, signal),
      );
      await serveAgent(start, flags, { lock, signal });
    } finally {
      lock.close();
    }
  } catch (error) {
    throw toFailure(error);
  } finally {
    signals.release();
  }
}

/**
 * The settings of the agent. If the registry is Kubernetes, also the connection, and what was found
 * there.
 */
interface Start {
  readonly command: AgentCommand;
  readonly api?: KubeApi;
  /** What was found and where, one sentence each, for the log. */
  readonly findings?: readonly string[];
}

/**
 * Calls `find`. If the previous agent enforced, the machine is closed before the call, and is
 * watched until the call ends (`ClosedStart`).
 */
async function closedUntil(flags: AgentFlags, find: () => Promise<Start>): Promise<Start> {
  const closed = await ClosedStart.begin(flags, print);
  try {
    return await find();
  } finally {
    closed?.end();
  }
}

/** Asks Kubernetes for the flags that were left out. */
async function startWithKubernetes(flags: AgentFlags, signal: AbortSignal): Promise<Start> {
  const { api, findings, flags: all } = await kubernetesDefaults(flags, process.env, signal);
  try {
    return { command: readAgentFlags(all), api, findings };
  } catch (error) {
    api.close();
    throw error;
  }
}

async function serveAgent(
  { command, api, findings = [] }: Start,
  flags: AgentFlags,
  { lock, signal }: { readonly lock: AgentLock; readonly signal: AbortSignal },
): Promise<void> {
  // Everything that is opened must be closed at the end: one open server keeps the process alive.
  const opened: Closable[] = [];
  const ending = new AbortController();
  try {
    const agent = await openAgent(command, flags, api);
    opened.push(agent);
    const path = controlPath(command.settings.interfaceName, flags.controlDir);
    opened.push(await ControlServer.listen(path, (request) => answer(agent, request)));
    await openServers(command, agent, opened);
    for (const finding of findings) agent.events.log(finding);
    for (const trouble of lock.troubles) agent.events.log(trouble, { level: 'warning' });
    for (const line of readableSecrets(flags)) agent.events.log(line, { level: 'warning' });
    agent.start();
    opened.push(notifyService(agent, signal));
    const { startTaint } = flags;
    if (api && startTaint !== undefined) {
      void agent.ready.then(() => removeTaint(agent, api, startTaint, ending.signal));
    }
    await Promise.race([aborted(signal), agent.ended]);
  } finally {
    ending.abort();
    for (const item of opened.toReversed()) await item.close();
  }
}

/** Tells the service manager when the agent is ready and when it begins to end. */
function notifyService(agent: Agent, signal: AbortSignal): ServiceNotifier {
  const notifier = new ServiceNotifier({
    env: process.env,
    onError: (error) => agent.events.log((error as Error).message, { level: 'warning' }),
  });
  signal.addEventListener('abort', () => notifier.stopping(), { once: true });
  void agent.ready.then(() => {
    notifier.ready('the rules of the node are in place');
    notifier.watch(() => agent.status());
  });
  return notifier;
}

/** Prints a line of the agent's log. */
function print(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}

interface Closable {
  close(): void | Promise<void>;
}

async function openAgent(command: AgentCommand, flags: AgentFlags, api?: KubeApi): Promise<Agent> {
  const { settings } = command;
  const { interfaceName, stateFolder } = settings;
  // For the first node, the folder may not exist yet.
  if (command.registry.type === 'file') mkdirSync(command.registry.folder, { recursive: true });
  const registry = openRegistry(command.registry, flags, api);
  let host: LinuxHost | undefined;
  try {
    const { table, priority } = flags;
    host = await LinuxHost.open({ interfaceName, table, priority, cniFolder: flags.cniDir });
    return new Agent(settings, {
      registry,
      host,
      client: UapiClient.of(interfaceName, { keepsConnection: true }),
      prefixes: openPrefixes(command, host, api),
      keys: new KeyStore({ folder: stateFolder, interfaceName }),
      log: print,
    });
  } catch (error) {
    host?.close();
    await registry.close();
    throw error;
  }
}

/**
 * Opens the servers for the page, the metrics and the health checks, as far as the flags ask for
 * them.
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

async function removeTaint(
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
  if (wasThere === true) agent.events.log(`removed the taint ${key} from the node`);
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

function openPrefixes(
  { prefixes, settings }: AgentCommand,
  host: LinuxHost,
  api?: KubeApi,
): PrefixSource {
  if (prefixes.type === 'static') return staticPrefixes(prefixes.prefixes);
  if (api && prefixes.type !== 'cni') return new KubePrefixes(api, settings.node, prefixes.type);
  return new CniPrefixes(async () => ({ cni: host.cni() }));
}

/**
 * Returns a `Failure` for an error of the mesh whose message says what is wrong and what to do.
 * Returns any other error unchanged.
 */
function toFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !ERRORS_FOR_USERS.has(error.name)) return error;
  return new Failure(error.message, { cause: error });
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this port: give another port, or end that program (ss -ltnp)',
  EADDRNOTAVAIL: 'this machine has no such address (ip address)',
  EACCES: 'this user may not use this port: give a port above 1023, or add CAP_NET_BIND_SERVICE',
};
const ERRORS_FOR_USERS: ReadonlySet<string> = new Set([
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
