/**
 * `litz show`: the state of interfaces, as `wg show` prints it, and what only Litz knows.
 *
 * It finds every daemon with a UAPI socket: Litz, wireguard-go, boringtun. It does not see the
 * interfaces of the kernel's own WireGuard.
 *
 * @module
 */
import { wipeSecrets, type DeviceStatus } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { InvalidArgumentError, type Command } from 'commander';
import { InterfaceClient, socketNames } from '../live/interface-client.ts';
import { COLUMNS, showColumns } from '../show/show-columns.ts';
import { showJson } from '../show/show-json.ts';
import { showText } from '../show/show-text.ts';

/** Adds the command to `litz`. */
export function addShowCommand(program: Command): void {
  program
    .command('show')
    .description('show interfaces and peers, as wg show, and what litz knows besides')
    .argument('[INTERFACE|all|interfaces]', 'default: all')
    .argument('[COLUMN]', COLUMNS.join(', '), readColumn)
    .option('--json', 'print data for a program; private keys are left out')
    .addHelpText('after', HELP)
    .action(async (name: string | undefined, column: string | undefined, flags: ShowFlags) =>
      runShow(name, column, flags),
    );
}

interface ShowFlags {
  readonly json?: true;
}

async function runShow(name = 'all', column?: string, flags: ShowFlags = {}): Promise<void> {
  const names = name === 'all' || name === 'interfaces' ? await interfaces() : [name];
  if (name === 'interfaces') return print(names.length === 0 ? '' : `${names.join(' ')}\n`);
  const data: object[] = [];
  const texts: string[] = [];
  for (const one of names) {
    const status = await statusOf(one);
    try {
      if (flags.json) data.push(showJson(one, status));
      else if (column === undefined) texts.push(showText(one, status, textOptions()));
      else texts.push(showColumns(column, status, name === 'all' ? `${one}\t` : '') ?? '');
    } finally {
      wipeSecrets(status);
    }
  }
  if (flags.json) print(`${JSON.stringify(name === 'all' ? data : data[0], undefined, 2)}\n`);
  else print(texts.join(column === undefined ? '\n' : ''));
}

function print(text: string): void {
  process.stdout.write(text);
}

/** Reads the status; other daemons than Litz refuse to give more than `wg` needs. */
function statusOf(name: string): Promise<DeviceStatus> {
  return new InterfaceClient(name).read();
}

/** Returns the interfaces with a daemon that answers. */
async function interfaces(): Promise<string[]> {
  const names: string[] = [];
  for (const name of socketNames()) {
    try {
      wipeSecrets(await UapiClient.of(name).get());
      names.push(name);
    } catch {
      // The daemon was killed, and has left its socket; or this user may not ask.
    }
  }
  return names;
}

function textOptions(): Parameters<typeof showText>[2] {
  const { WG_COLOR_MODE: mode, WG_HIDE_KEYS: hide, NO_COLOR: noColor } = process.env;
  const isWanted = mode === 'always' || (mode !== 'never' && !noColor && process.stdout.isTTY);
  return {
    nowS: Math.floor(Date.now() / 1000),
    colors: isWanted,
    showsKeys: hide === 'never',
  };
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
