/**
 * `litz doctor`: why a tunnel does not work, and what to do. It changes nothing.
 *
 * @module
 */
import type { Command } from 'commander';
import { Failure } from '../failure.ts';
import { formatFindings, isHealthy } from '../doctor/finding.ts';
import { locateTunnelFile } from '../tunnel-path.ts';

/** Adds the command to `litz`. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('say why a tunnel does not work, and what to do')
    .argument('<INTERFACE|FILE.conf>', 'the interface, or its file')
    .option('--json', 'print the findings for a program')
    .addHelpText('after', HELP)
    .action(async (target: string, { json }: { readonly json?: true }) =>
      runDoctor(target, json === true ? 'json' : 'text'),
    );
}

/** @throws {Failure} exit code 1: packets do not pass; 2: the name is wrong */
async function runDoctor(target: string, form: 'json' | 'text'): Promise<void> {
  const { name, file } = locateTunnelFile(target);
  const { readTunnel } = await import('../doctor/read-tunnel.ts');
  const { examine } = await import('../doctor/examine.ts');
  const findings = examine(await readTunnel(name, file));
  const { stdout, env } = process;
  const text =
    form === 'json'
      ? `${JSON.stringify({ interface: name, healthy: isHealthy(findings), findings }, undefined, 2)}\n`
      : formatFindings(findings, {
          colors: stdout.isTTY && !env['NO_COLOR'],
          columns: stdout.isTTY ? stdout.columns : undefined,
        });
  stdout.write(text);
  if (!isHealthy(findings)) throw new Failure(`${name} does not work: see the findings`);
}

const HELP = `
Each line is OK, WARN or FAIL, with what to do. It asks the daemon, and reads routes, the firewall
(nft and iptables), the file in /etc/wireguard and the clock, for up to 64 peers.
It changes nothing. If a peer is silent, it sends an empty datagram to its port, and one through the
tunnel (port 9), and waits up to seven seconds for a handshake. UDP does not tell whether a port is
open: only a refusal is certain.

Exit codes: 0 nothing is wrong, or only warnings; 1 something is wrong.`;
