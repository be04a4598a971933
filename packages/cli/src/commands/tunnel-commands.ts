/**
 * The commands for tunnels of wg-quick files: `litz up`, `down`, `reload`, `save` and `strip`.
 *
 * The code of each command is loaded when the command runs, so that no command waits for the code
 * of the others. The other files that define commands do the same.
 *
 * @module
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, type Command } from 'commander';
import { EndSignals } from '../end-signals.ts';
import { describeFailure } from '../failure.ts';
import { logOption, writeLine } from '../log-writer.ts';
import { metricsAddress, metricsOption } from '../metrics/metrics-option.ts';
import { Terminal } from '../tunnel/hang-up.ts';
import type { IgnoredPart } from '../tunnel/running-tunnel.ts';
import { locateTunnelFile } from '../tunnel-path.ts';
import { reportReadiness, startInBackground } from './background.ts';

/** Adds the commands to `litz`. */
export function addTunnelCommands(program: Command): void {
  const command = (name: string, description: string): Command =>
    program.command(name).description(description);
  command('up', 'bring up the tunnel of a wg-quick file, and take it down when litz ends')
    .argument(TARGET, TARGET_HELP)
    .option('-b, --background', 'return when the tunnel is up; litz down INTERFACE ends it')
    .option('--ignore <parts>', 'leave out parts of the file: dns, hooks, or dns,hooks', readParts)
    .option('--hook-timeout <seconds>', 'the longest time of a hook; 0: no limit', readSeconds, 120)
    .addOption(logOption())
    .addOption(metricsOption())
    .addHelpText('after', UP_HELP)
    .action(startTunnel);
  command('down', 'take an interface of litz down')
    .argument(TARGET, 'the interface, or its file')
    .addHelpText('after', DOWN_HELP)
    .action(async (target: string) => (await import('./down.ts')).runDown(target, writeLine));
  command('reload', 'give a running interface the keys and peers of its file')
    .argument('<INTERFACE>', 'the interface')
    .argument('[FILE.conf]', 'default: the file that the tunnel was brought up with')
    .addHelpText('after', RELOAD_HELP)
    .action(async (target: string, file?: string) => {
      const { runReload } = await import('./down.ts');
      await runReload(target, file, writeLine);
    });
  command('save', 'write the present state of an interface into its file')
    .argument(TARGET, TARGET_HELP)
    .addHelpText('after', SAVE_HELP)
    .action(async (target: string) => (await import('./down.ts')).runSave(target, writeLine));
  command('strip', 'print the lines of a wg-quick file that wg reads')
    .argument(TARGET, TARGET_HELP)
    .addHelpText('after', STRIP_HELP)
    .action(async (target: string) => {
      const { strippedFile } = await import('./down.ts');
      process.stdout.write(strippedFile(target, writeLine));
    });
}

interface UpFlags {
  readonly background?: true;
  readonly ignore?: ReadonlySet<IgnoredPart>;
  readonly hookTimeout: number;
  readonly metrics?: string;
}

async function startTunnel(target: string, flags: UpFlags): Promise<void> {
  const metrics = await metricsAddress(flags.metrics);
  if (flags.background) return startTunnelInBackground(target, flags);
  const signals = new EndSignals();
  const terminal = new Terminal();
  const isChild = process.send !== undefined;
  try {
    const { keepTunnelRights } = await import('../rights/tunnel-rights.ts');
    keepTunnelRights(locateTunnelFile(target).file, flags.ignore?.has('hooks') !== true);
    const { runUp } = await import('./up.ts');
    await runUp(target, {
      env: process.env,
      signal: signals.signal,
      print: writeLine,
      howToEnd: isChild ? `litz down ${locateTunnelFile(target).name}` : 'Ctrl-C',
      metrics,
      ...(flags.ignore && { ignored: flags.ignore }),
      hooks: {
        limitMs: flags.hookTimeout * 1000,
        // In the background, standard error may be a pipe that the parent process closes when the
        // tunnel is up. A hook must not have this pipe, because later writes of the hook would
        // fail. So this process reads the output of hooks, and passes it on.
        ...(isChild && { onOutput: (bytes) => void process.stderr.write(bytes) }),
      },
      onReady: () => reportReadiness({ ready: true }),
      onReloadable(reload) {
        signals.onHangUp = () => {
          if (terminal.isGone) return false;
          reload();
          return true;
        };
      },
    });
  } catch (error) {
    reportReadiness({ failure: describeFailure(error) });
    const { signal, received } = signals;
    if (error !== signal.reason || !received) throw error;
    // The tunnel was never up, and nothing is left. The process ends by the signal that it
    // received, because `process.exit` would wait for a pending look-up.
    signals.release();
    process.kill(process.pid, received);
  } finally {
    signals.release();
    // When Node.js exits, it restores the settings of the terminal, and aborts if the terminal is
    // closed. So SIGHUP ends the process instead.
    if (terminal.isGone) process.kill(process.pid, 'SIGHUP');
  }
}

async function startTunnelInBackground(target: string, flags: UpFlags): Promise<void> {
  const { name, file } = locateTunnelFile(target);
  const words = ['up', '--hook-timeout', String(flags.hookTimeout)];
  if (flags.ignore) words.push('--ignore', [...flags.ignore].join());
  if (flags.metrics) words.push('--metrics', flags.metrics);
  await startInBackground(name, {
    entry: ENTRY,
    env: process.env,
    // The path is absolute, because the child has another working directory.
    words: [...words, '--', resolve(file)],
    onText: (text) => void process.stderr.write(text),
  });
}

function readParts(text: string): ReadonlySet<IgnoredPart> {
  const parts = text.split(',');
  if (parts.every((part) => part === 'dns' || part === 'hooks')) return new Set(parts);
  throw new InvalidArgumentError('Expected dns, hooks, or dns,hooks.');
}

function readSeconds(text: string): number {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a number of seconds.');
}

/** The program that is started in the background. */
const ENTRY = fileURLToPath(new URL('../../bin/litz.js', import.meta.url));
const TARGET = '<FILE.conf|INTERFACE>';
const TARGET_HELP = 'INTERFACE means /etc/wireguard/INTERFACE.conf';

const UP_HELP = `
The tunnel ends at Ctrl-C, SIGTERM, or litz down. SIGHUP reloads the file.
Hooks (PreUp, PostUp, PreDown, PostDown) are run by bash, as by wg-quick. If a hook fails before
the tunnel is up, everything is undone, and no other hook is run. If a hook of down fails, the
tunnel is taken down all the same, and the exit code is 1.
DNS servers are set by resolvconf, by resolvectl, or in /etc/resolv.conf. When the tunnel ends, the
previous servers are restored; after a kill -9, the next litz up or litz down restores them.`;
const DOWN_HELP = `
Waits until the interface is gone and the hooks have ended. If the tunnel was killed (kill -9), it
restores DNS servers and filters. It also ends a daemon of litz INTERFACE or wireguard-go.`;
const RELOAD_HELP = `
Peers that stay keep their sessions. In a tunnel of litz up, addresses, routes and the hooks of down
change too. If other fields have changed, litz names them: they need litz down and litz up.`;
const SAVE_HELP = `
Writes keys, peers, port and addresses. Comments stay, and so do host names in endpoints.
The file is replaced in one step and keeps its owner and its mode.`;
const STRIP_HELP = `
For example: wg syncconf wg0 <(litz strip wg0)`;
