/**
 * `addProxyCommand`: adds `litz proxy` and its flags.
 *
 * The code of the proxy is loaded only when the command runs, so that a daemon does not load the IP
 * stack.
 *
 * @module
 */
import { InvalidArgumentError, type Command } from 'commander';
import { logOption } from '../../log-writer.ts';
import type { ProxyFlags } from '../../proxy/proxy-flags.ts';

/** Adds the command and its flags. */
export function addProxyCommand(program: Command): void {
  const proxy = program
    .command('proxy')
    .description('reach the network behind a tunnel without root: SOCKS5, HTTP, single ports')
    .usage('<FILE.conf|INTERFACE> --socks5 ADDRESS [OPTIONS]')
    .argument(
      '<FILE.conf|INTERFACE>',
      'wg-quick or wireproxy file; INTERFACE means /etc/wireguard/INTERFACE.conf',
    )
    .addHelpText('after', MORE_HELP);
  addProxyFlags(proxy);
  addPortFlags(proxy);
  proxy.action(async (file: string, flags: ProxyFlags) => {
    // This may start the program again, so nothing else is loaded before.
    const { keepFewRights } = await import('../../rights/few-rights.ts');
    if (!flags.check) keepFewRights('proxy', { user: flags.user });
    const { runProxyCommand } = await import('./run-proxy-command.ts');
    await runProxyCommand(file, flags);
  });
}

/** Adds the flags about the SOCKS5 proxy and the HTTP proxy. */
function addProxyFlags(proxy: Command): void {
  proxy
    .option('--socks5 <address>', 'SOCKS5 proxy at [ADDRESS:]PORT: TCP and UDP', collect)
    .option('--socks5-user <name>', 'name that clients of --socks5 must give')
    .option('--socks5-password-file <file>', 'file whose first line is the password of the clients')
    .option('--http <address>', 'HTTP proxy at [ADDRESS:]PORT: CONNECT and http://', collect)
    .option('--http-user <name>', 'name that clients of --http must give')
    .option('--http-password-file <file>', 'file whose first line is the password of the clients');
}

/** Adds the flags about single ports, and about the proxy as a whole. */
function addPortFlags(proxy: Command): void {
  proxy
    .option(
      '--forward <local=remote>',
      '[ADDRESS:]PORT=HOST:PORT[/udp]: a local port that leads into the tunnel',
      collect,
    )
    .option(
      '--expose <remote=local>',
      '[ADDRESS:]PORT=[HOST:]PORT[/udp]: a port inside the tunnel that leads to a local service',
      collect,
    )
    .option(
      '--stdio <host:port>',
      'connect standard input and output, for ProxyCommand of ssh',
      collect,
    )
    .option('--info <address>', 'serve /readyz and /metrics at [ADDRESS:]PORT')
    .addOption(logOption())
    .option(
      '--max-connections <number>',
      'the largest number of client connections at once',
      readNumber,
      4096,
    )
    .option('--user <name[:group]>', 'if root starts it: work as this user')
    .option('--check', 'read the file and the flags, and open nothing');
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function readNumber(text: string): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value > 0) return value;
  throw new InvalidArgumentError('expected a number from 1 to 999999.');
}

const MORE_HELP = `
A port alone means 127.0.0.1; :PORT means all addresses. --socks5, --http, --forward and --expose may be repeated.
Names are resolved inside the tunnel. A password is read from a file or from LITZ_SOCKS5_PASSWORD and
LITZ_HTTP_PASSWORD, never from a flag. The sections of wireproxy in the file have the same effect as flags.

Examples:
  litz proxy ./wg0.conf --socks5 1080
      curl --proxy socks5h://127.0.0.1:1080 http://intranet.example/
  litz proxy ./wg0.conf --http 8080
      https_proxy=http://127.0.0.1:8080 git clone https://git.example/repository
  litz proxy ./wg0.conf --forward 5432=10.0.0.2:5432 --expose 80=127.0.0.1:8080
  ssh -o ProxyCommand='litz proxy ./wg0.conf --stdio %h:%p' 10.0.0.2

litz proxy needs no privilege.`;
