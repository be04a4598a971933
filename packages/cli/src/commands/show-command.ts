/**
 * `addShowCommand`: adds `litz show`, with its arguments and its help.
 *
 * @module
 */
import { InvalidArgumentError, type Command } from 'commander';
import { COLUMNS } from '../show/column-names.ts';
import type { ShowFlags } from './show.ts';

/** Adds the command to `litz`. */
export function addShowCommand(program: Command): void {
  program
    .command('show')
    .description(
      'show interfaces and peers as wg show does, and what only a daemon of Litz reports',
    )
    .argument('[INTERFACE|all|interfaces]', 'default: all')
    .argument('[COLUMN]', COLUMNS.join(', '), readColumn)
    .option('--json', 'print data for a program; private keys are left out')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, column: string | undefined, flags: ShowFlags) => {
      const { runShow } = await import('./show.ts');
      await runShow(name, column, flags);
    });
}

function readColumn(text: string): string {
  if (COLUMNS.includes(text)) return text;
  throw new InvalidArgumentError(`Expected one of: ${COLUMNS.join(', ')}.`);
}

const HELP = `
Interfaces of the kernel's own WireGuard are not shown: use wg show.

Environment:
  WG_COLOR_MODE=always|never|auto   colours; default: only on a terminal, and not with NO_COLOR
  WG_HIDE_KEYS=never                also show private and preshared keys`;
