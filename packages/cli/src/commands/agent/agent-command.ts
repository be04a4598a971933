/**
 * `addAgentCommand`: adds `litz agent` and its commands, such as `litz agent status`.
 *
 * The code of a command is loaded only when the command is used, so that a daemon does not load the
 * agent.
 *
 * @module
 */
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ControlRequest } from '@litz/mesh';
import type { AgentFlags } from './agent-flags.ts';

export function addAgentCommand(program: Command): void {
  const agent = program
    .command('agent')
    .description('encrypt the traffic between the nodes of a cluster, beside the installed CNI')
    .usage('--registry REGISTRY --node NAME --node-ip IP[,IP] [OPTIONS]\n       litz agent COMMAND')
    .helpCommand(false)
    // Options of `litz agent` may also stand after its commands. Options of `litz` may not.
    .enablePositionalOptions(false)
    .addHelpText('after', MORE_HELP);
  addModeFlags(addNodeFlags(agent));
  addRunFlags(agent);
  addRegistryFlags(agent).action(async (flags: AgentFlags) => {
    // This may start the program again, so nothing else is loaded before.
    const { keepFewRights } = await import('../../rights/few-rights.ts');
    keepFewRights('agent');
    const { runAgent } = await import('./run-agent.ts');
    await runAgent(flags);
  });
  addStatus(agent);
  addChanges(agent);
  addChecks(agent);
  addDown(agent);
}

/** Adds the flags about the node and its cluster. */
function addNodeFlags(agent: Command): Command {
  return agent
    .option('--registry <registry>', 'file:DIRECTORY, etcd[s]://HOST:PORT[,...] or kubernetes')
    .option('--node <name>', 'name of this node in the registry')
    .option(
      '--node-ip <addresses>',
      'addresses of this node in the underlay, at most one per family',
      list,
    )
    .option(
      '--prefixes <source>',
      "source of this node's pod prefixes: node, calico, cilium or static:CIDR,...",
    )
    .option('--cluster-prefix <cidrs>', 'all addresses that pods may have; enforce needs it', list)
    .option(
      '--service-prefix <cidrs>',
      'addresses of services; a node with one of them is refused',
      list,
    )
    .option('--node-prefix <cidrs>', 'all addresses that nodes may have', list);
}

/** Adds the flags about what is encrypted. */
function addModeFlags(agent: Command): Command {
  return agent
    .addOption(
      new Option(
        '--encrypt <mode>',
        'pods: traffic between pods; nodes: also traffic of nodes; all: as nodes, and no node can opt out',
      )
        .choices(['pods', 'nodes', 'all'])
        .default('pods'),
    )
    .addOption(
      new Option('--enforcement <mode>', 'what happens to traffic that is not encrypted')
        .choices(['off', 'permissive', 'enforce'])
        .default('permissive'),
    )
    .option('--force', 'enforce even if some peers have not answered or have their enforcement off')
    .option(
      '--opt-out [labels]',
      'leave this node out of --encrypt nodes; with LABELS, only if the node has these labels',
    );
}

/** Adds the flags about the tunnel, the keys, and what the agent serves. */
function addRunFlags(agent: Command): Command {
  return agent
    .option('--interface <name>', 'interface of the daemon', 'litz0')
    .option('--port <port>', 'UDP port of the data plane', number('a port', 1, 65_535), 51_871)
    .option(
      '--table <number>',
      "number of the mesh's routing table",
      number('a routing table', 1, 0xffff_ffff),
      51_871,
    )
    .option(
      '--priority <number>',
      "priority of the mesh's routing rules; rules for exceptions have this priority minus one",
      number('a priority', 2, 32_765),
      900,
    )
    .option(
      '--persistent-keepalive <seconds>',
      'for nodes behind a NAT; 0 is off',
      number('seconds', 0, 65_535),
      0,
    )
    .option('--rotate-key-every <time>', 'make a new node key after this time: 24h, 7d')
    .option('--rotate-timeout <time>', 'how long a rotation waits for silent peers', '10m')
    .option('--state-dir <folder>', 'folder of the node key', '/var/lib/litz')
    .option('--control-dir <folder>', "folder of the agent's socket", '/var/run/litz')
    .option('--page <address>', 'show the mesh to browsers at this loopback ADDRESS:PORT')
    .option('--metrics <address>', 'serve /metrics for Prometheus at [ADDRESS]:PORT')
    .option('--health <address>', 'serve /healthz and /readyz at [ADDRESS]:PORT');
}

/** Adds the flags about Kubernetes and etcd. */
function addRegistryFlags(agent: Command): Command {
  return agent
    .option('--kubeconfig <file>', 'how to reach Kubernetes; not needed in a pod')
    .option('--kube-context <name>', 'context of the kubeconfig; default: its current one')
    .addOption(
      new Option('--format <format>', 'format of the records in Kubernetes and etcd')
        .choices(['litz', 'cilium'])
        .default('litz'),
    )
    .option('--etcd-ca <file>', 'certificate of the authority of etcd; only for etcds://')
    .option('--etcd-cert <file>', 'certificate of this client')
    .option('--etcd-key <file>', 'key of this client')
    .option('--etcd-user <name>', 'user of etcd, with --etcd-password-file')
    .option('--etcd-password-file <file>', 'file with the password of that user')
    .option('--etcd-lease <time>', 'how long the record outlives this agent; default: 15m')
    .option('--cluster <name>', 'name of the Cilium cluster, with --format cilium in etcd')
    .option(
      '--start-taint <key>',
      'taint to remove from the Kubernetes node when its rules are in place',
    )
    .option('--cni-dir <folder>', "folder of the CNI's configuration", '/etc/cni/net.d');
}

function addStatus(agent: Command): void {
  subcommand(agent, 'status', 'show the state of the agent, its tunnel and its peers')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }, self: Command) => {
      const { showStatus } = await import('./ask-agent.ts');
      await showStatus(targetOf(self), { json: json === true });
    });
}

/** Adds the commands that change what a running agent does. */
function addChanges(agent: Command): void {
  subcommand(agent, 'rotate-key', 'give this node a new key, without losing packets')
    .option('--revoke', 'drop the old key at once, because it was stolen')
    .action(async ({ revoke }: { revoke?: true }, self: Command) => {
      await ask(self, { command: 'rotate-key', revoke: revoke === true });
    });
  subcommand(agent, 'enforcement', 'switch to off, permissive or enforce, at once')
    .addArgument(agent.createArgument('<mode>').choices(['off', 'permissive', 'enforce']))
    .option('--force', 'enforce even if some peers have not answered or have their enforcement off')
    .action(async (mode: 'off' | 'permissive' | 'enforce', _flags: unknown, self: Command) => {
      const { force } = self.optsWithGlobals<{ force?: true }>();
      await ask(self, { command: 'enforcement', enforcement: mode, force: force === true });
    });
  subcommand(agent, 'encrypt', 'switch to pods, nodes or all, at once')
    .addArgument(agent.createArgument('<mode>').choices(['pods', 'nodes', 'all']))
    .action(async (mode: 'pods' | 'nodes' | 'all', _flags: unknown, self: Command) => {
      await ask(self, { command: 'encrypt', mode });
    });
}

/** Adds the commands that check whether traffic is encrypted, and what this machine supports. */
function addChecks(agent: Command): void {
  subcommand(
    agent,
    'verify',
    'send test packets to every peer, and check that nothing is readable on the way',
  )
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: true }, self: Command) => {
      const { verify } = await import('./verify.ts');
      await verify(targetOf(self), { json: json === true });
    });
  subcommand(
    agent,
    'check',
    'check whether this machine supports what the options ask for; changes nothing',
  ).action(async (_flags: unknown, self: Command) => {
    const { checkMachine } = await import('./check.ts');
    await checkMachine(self.optsWithGlobals<AgentFlags>());
  });
}

function addDown(agent: Command): void {
  subcommand(
    agent,
    'down',
    'take the node out of the mesh, and leave the machine as it was',
  ).action(async (_flags: unknown, self: Command) => ask(self, { command: 'down' }));
}

function subcommand(agent: Command, name: string, description: string): Command {
  return agent.command(name).description(description);
}

async function ask(self: Command, request: ControlRequest): Promise<void> {
  const { printAnswer } = await import('./ask-agent.ts');
  await printAnswer(targetOf(self), request);
}

/** Returns which agent the command talks to. */
function targetOf(self: Command): { interfaceName: string; controlFolder: string } {
  const flags = self.optsWithGlobals<AgentFlags>();
  return { interfaceName: flags.interface, controlFolder: flags.controlDir };
}

function list(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

function number(what: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected ${what} from ${min} to ${max}.`);
  };
}

const MORE_HELP = `
The data plane is a separate process: litz litz0. The agent may end and start without losing a packet.

Examples:
  litz agent --registry file:/shared/nodes --node n1 --node-ip 192.0.2.1 \\
    --prefixes static:10.244.1.0/24 --cluster-prefix 10.244.0.0/16
  litz agent status
  litz agent enforcement enforce       when every node has answered
  litz agent verify
  litz agent rotate-key
  litz agent down`;
