/**
 * `runProgram`: the command line of `litz`.
 *
 * `litz wg0` has the form of wireguard-go's command line. So a word that is not a command is the
 * name of an interface, unless it is a word by which users mean a command (`command-words.ts`).
 * After `litz -f` and `litz --`, every word is a name.
 *
 * @module
 */
import { fileURLToPath } from 'node:url';
import { redactKeys } from '@litz/core/text';
import { Argument, Command, CommanderError, Option } from 'commander';
import { addAgentCommand } from './commands/agent/agent-command.ts';
import { reportReadiness, startInBackground } from './commands/background.ts';
import { addCaptureCommand } from './commands/capture.ts';
import {
  createPresharedKeyLine,
  createPrivateKeyLine,
  publicKeyLine,
  readStandardInput,
  warnIfWorldReadable,
} from './commands/keys.ts';
import { addProxyCommand } from './commands/proxy/proxy-command.ts';
import { addDoctorCommand } from './commands/doctor-command.ts';
import { addQrCommand } from './commands/qr-command.ts';
import { addServeCommand } from './commands/serve.ts';
import { addShowCommand } from './commands/show-command.ts';
import { addTopCommand } from './commands/top.ts';
import { addTunnelCommands } from './commands/tunnel-commands.ts';
import type { DemoForm } from './demo/demo.ts';
import { checkFirstWord, OWN_COMMANDS } from './command-words.ts';
import { EndSignals } from './end-signals.ts';
import { describeFailure, exitCodeOf, Failure } from './failure.ts';
import { readName } from './followed-names.ts';
import { metricsAddress, metricsOption } from './metrics/metrics-option.ts';
import { logForm, logOption, writeLine } from './log-writer.ts';
import { commandTree } from './manual/command-tree.ts';
import { completionScript, SHELLS } from './manual/completion.ts';
import { versionOfLitz } from './version.ts';

/**
 * Runs the command and resolves with the exit code. Never rejects: it prints errors to standard
 * error.
 *
 * @param words the words of the command line, without node and the script
 */
export async function runProgram(words: readonly string[]): Promise<number> {
  try {
    const [first = ''] = words;
    if (!OWN_COMMANDS.includes(first)) checkFirstWord(first, printToStandardError);
    await createProgram(words).parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    writeLine(failureLine(describeFailure(error)));
    return exitCodeOf(error);
  }
}

/**
 * Returns the command line of `litz`, with all commands, unless the first word says that a name of
 * an interface follows (`NAME_FOLLOWS`).
 *
 * @param words the words of the command line; default: none
 */
export function createProgram(words: readonly string[] = []): Command {
  const program: Command = new Command('litz')
    .description('WireGuard in userspace.')
    .usage('[-f|--foreground] INTERFACE\n       litz COMMAND')
    .argument('[INTERFACE]', 'make this interface and serve it; configure it with wg')
    .option('-f, --foreground', 'stay in the foreground; default: go to the background when ready')
    .option(
      '--persist',
      'keep the interface if the daemon is killed; packets into it are then lost',
    )
    .option(
      '--take-over',
      'take the place of a running daemon, without losing a packet; if none runs, start normally',
    )
    .option('--ready-file <file>', 'keep this file while the interface is served')
    .option('--user <name[:group]>', 'work as this user, with the few rights that are needed')
    .option(
      '--resolve <key=host:port>',
      'look this name up again while the peer does not answer; can be repeated',
      readName,
    )
    .addOption(logOption())
    .addOption(metricsOption())
    .version(versionText(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    .addHelpText('after', MORE_HELP)
    .showHelpAfterError('(for more, see litz --help)')
    .configureOutput({ outputError: (text, write) => write(redactKeys(text)) })
    // A command may have an option with the same name as an option of `litz`.
    .enablePositionalOptions()
    .hook('preSubcommand', (_program, command) => refuseOptions(program, command.name()))
    .exitOverride()
    .action(async (name: string | undefined, flags: DaemonFlags) => {
      if (name === undefined) return program.help({ error: true });
      return startDaemon(name, flags);
    });
  if (!NAME_FOLLOWS.has(words[0] ?? '')) addCommands(program);
  return program;
}

function addCommands(program: Command): void {
  program.hook('preSubcommand', () => {
    if (program.opts<DaemonFlags>().user === undefined) return;
    throw new Failure(USER_IN_FRONT, { exitCode: 2 });
  });
  const command = (name: string, description: string): Command =>
    program.command(name).description(description);
  addTunnelCommands(program);
  addShowCommand(program);
  command('upgrade', 'let a new process take the place of a running daemon; no packet is lost')
    .argument('<INTERFACE>', 'the interface of: litz INTERFACE')
    .addHelpText('after', UPGRADE_HELP)
    .action(async (name: string) => {
      const { runUpgrade } = await import('./commands/upgrade.ts');
      await runUpgrade(name, printToStandardError);
    });
  addDoctorCommand(program);
  addQrCommand(program);
  addTopCommand(program);
  addServeCommand(program);
  addCaptureCommand(program);
  command('completion', 'print a script that makes a shell complete the command line of litz')
    .addArgument(new Argument('<SHELL>', 'bash, zsh or fish').choices(SHELLS))
    .addHelpText('after', COMPLETION_HELP)
    .action((shell: (typeof SHELLS)[number]) => {
      process.stdout.write(completionScript(shell, commandTree(program)));
    });
  command('genkey', 'print a new private key').action(() => printKey(createPrivateKeyLine()));
  command('genpsk', 'print a new preshared key').action(() => printKey(createPresharedKeyLine()));
  command('pubkey', 'print the public key of the private key on standard input').action(
    async () => void process.stdout.write(await publicKeyLine(await readStandardInput())),
  );
  addProxyCommand(program);
  addAgentCommand(program);
  const demo = command('demo', 'show two nodes and a tunnel between them, on this machine')
    .addOption(
      new Option('--form <form>', 'where the two nodes run').choices(DEMO_FORMS).default('auto'),
    )
    .action(async ({ form }: { form: DemoForm | 'auto' }) => showDemo(form));
  demo
    .command('mesh')
    .description('show three nodes that encrypt the traffic between their pods')
    .addOption(new Option('--inside').hideHelp())
    .action(async ({ inside }: { inside?: true }) => showMeshDemo(inside === true));
}

interface DaemonFlags {
  readonly foreground?: true;
  readonly persist?: true;
  readonly takeOver?: true;
  readonly readyFile?: string;
  readonly user?: string;
  readonly metrics?: string;
  readonly resolve?: readonly string[];
}

async function startDaemon(name: string, flags: DaemonFlags): Promise<void> {
  const { env } = process;
  const { foreground, ...passedOn } = flags;
  const metrics = await metricsAddress(flags.metrics);
  if (!foreground && env['WG_PROCESS_FOREGROUND'] !== '1') {
    return startInBackground(name, { entry: ENTRY, env, ...passedOn });
  }
  const signals = new EndSignals();
  try {
    const { keepFewRights } = await import('./rights/few-rights.ts');
    keepFewRights('daemon', { user: flags.user });
    const { PacketThread } = await import('@litz/device/packet-thread');
    PacketThread.startEarly(name);
    const { runDaemon } = await import('./commands/daemon.ts');
    await runDaemon(name, {
      env,
      signal: signals.signal,
      persist: flags.persist === true,
      takeOver: flags.takeOver === true,
      readyFile: flags.readyFile,
      metrics,
      names: flags.resolve,
      onReady: () => reportReadiness({ ready: true }),
    });
  } catch (error) {
    reportReadiness({ failure: describeFailure(error) });
    throw error;
  } finally {
    signals.release();
  }
}

/** Refuses options in front of a command, because they are those of `litz INTERFACE`. */
function refuseOptions(program: Command, name: string): void {
  if (Object.keys(program.opts()).length === 0) return;
  throw new Failure(`options of ${name} must follow it: litz ${name} OPTIONS`, { exitCode: 2 });
}

async function showDemo(form: DemoForm | 'auto'): Promise<void> {
  const { runDemo } = await import('./demo/demo.ts');
  const code = await runDemo({ form, write: (text) => process.stdout.write(text) });
  if (code !== 0) throw new Failure('the demo failed');
}

async function showMeshDemo(isInside: boolean): Promise<void> {
  const { runMeshDemo } = await import('./mesh-demo/mesh-demo.ts');
  const code = await runMeshDemo({ isInside, write: (text) => process.stdout.write(text) });
  if (code !== 0) throw new Failure('the demo failed');
}

function printKey(line: string): void {
  warnIfWorldReadable(process.stdout.fd, printToStandardError);
  process.stdout.write(line);
}

function printToStandardError(line: string): void {
  writeLine(line);
}

/**
 * Returns the line about a failure. In JSON it has a level, because programs need one. In text it
 * has none, because a person sees that it is about an error.
 */
function failureLine(text: string): string {
  return logForm(process.env) === 'json' ? `ERROR: ${text}` : `litz: ${text}`;
}

/** Returns 'litz 0.1.0', with the version of Node.js, the system and the processor. */
function versionText(): string {
  return `litz ${versionOfLitz()} (Node.js ${process.version}, ${process.platform}-${process.arch})`;
}

/** The program that is started as the daemon in the background. */
const ENTRY = fileURLToPath(new URL('../bin/litz.js', import.meta.url));

const USER_IN_FRONT =
  '--user in front of a command has no effect: only "litz --user NAME INTERFACE" and "litz proxy --user NAME" change the user';
const DEMO_FORMS = ['auto', 'namespaces', 'user-namespace', 'memory'];

/** First words after which every word is the name of an interface. */
const NAME_FOLLOWS: ReadonlySet<string> = new Set(['-f', '--foreground', '--']);

const MORE_HELP = `
Examples:
  litz wg0                     make wg0 and go to the background; then: wg set wg0 ..., ip link ...
  litz -f wg0                  make wg0 and stay in the foreground, until Ctrl-C
  litz --user litz wg0         the same as the user litz and its group, without the rights of root
  litz up ./wg0.conf           bring up the tunnel of a wg-quick file, until Ctrl-C
  litz up --background wg0     the same with /etc/wireguard/wg0.conf, in the background
  litz down wg0                take it down
  litz proxy ./wg0.conf --socks5 1080   reach the network behind the tunnel, without root
  litz -- up                   make an interface that has the name of a command (status, list, ...)
  litz genkey | tee private.key | litz pubkey

Environment:
  LITZ_LOG=text|json                   form of the log; default: text, with levels in the journal
  LITZ_CRYPTO=openssl|wasm|noble       provider of cryptography; default: the fastest available one
  LITZ_THREADS=1..8|auto               threads that seal and open packets; default: 1
  LITZ_PRIORITY=realtime|normal        priority of the thread that processes packets; default: realtime
  LOG_LEVEL=verbose|error|silent       default: error
  WG_PROCESS_FOREGROUND=1              the same as -f

Exit codes: 0 done, 1 failed, 2 the command line is wrong and nothing was done.

litz needs CAP_NET_ADMIN and /dev/net/tun. litz proxy, genkey, genpsk and pubkey need no privilege.
A daemon that has started keeps CAP_NET_ADMIN, CAP_NET_BIND_SERVICE and CAP_NET_BROADCAST, and drops
all other capabilities. (It keeps CAP_SYS_NICE if it may not raise its limit of real-time priorities.)
With --user NAME it is not root either; NAME must be able to open /dev/net/tun.
Services for systemd and OpenRC are in the folder "service" of the package.`;

const UPGRADE_HELP = `
The daemon starts the program again, which may be a newer version, and gives it the interface, the
sockets and the sessions. Its peers notice nothing. The signal SIGUSR2 does the same.
If the new process cannot start, the old one goes on, and the message says why.`;

const COMPLETION_HELP = `
bash:  litz completion bash > /etc/bash_completion.d/litz
zsh:   litz completion zsh > "\${fpath[1]}/_litz"
fish:  litz completion fish > ~/.config/fish/completions/litz.fish`;
