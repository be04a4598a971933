/**
 * `addDoctorCommand`: adds `litz doctor`, with its arguments and its help.
 *
 * @module
 */
import type { Command } from 'commander';

/** Adds the command to `litz`. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('say why a tunnel does not work, and what to do')
    .argument('<INTERFACE|FILE.conf>', 'the interface, or its file')
    .option('--json', 'print the findings for a program')
    .addHelpText('after', HELP)
    .action(async (target: string, { json }: { readonly json?: true }) => {
      const { runDoctor } = await import('./doctor.ts');
      await runDoctor(target, json === true ? 'json' : 'text');
    });
}

const HELP = `
Each finding begins with OK, WARN or FAIL. Each WARN and FAIL also says what to do. litz doctor asks the daemon, and reads
routes, the firewall (nft and iptables), the file in /etc/wireguard and the clock, for up to 64
peers. It changes nothing. If a peer is silent, litz doctor sends an empty datagram to the peer's
port, and one through the tunnel (port 9), and waits up to seven seconds for a handshake. UDP does
not tell whether a port is open: only a refusal is certain.

Exit codes: 0 nothing is wrong, or only warnings; 1 something is wrong.`;
