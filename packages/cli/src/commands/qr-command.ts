/**
 * `addQrCommand`: adds `litz qr`, with its argument and its help.
 *
 * @module
 */
import type { Command } from 'commander';

/** Adds the command to `litz`. */
export function addQrCommand(program: Command): void {
  program
    .command('qr')
    .description('show a wg-quick file as a QR code, for the app of a phone')
    .argument('<FILE.conf|INTERFACE>', 'INTERFACE means /etc/wireguard/INTERFACE.conf')
    .addHelpText('after', HELP)
    .action(async (target: string) => (await import('./qr.ts')).runQr(target));
}

const HELP = `
In the app: add a tunnel, scan from QR code. A tunnel is for one device: two devices with the same
key take the session from each other. Comments, hooks and other fields that the app does not know
are left out. The code is printed in black on white. If NO_COLOR is set, or the output is
not a terminal, Litz sets no colours. The code can then be read only on a dark background.

For example: litz qr ./phone.conf`;
