/**
 * `runShow`: prints the state of interfaces as `wg show` does, and what only a daemon of Litz
 * reports.
 *
 * It finds every daemon with a UAPI socket: Litz, wireguard-go, boringtun. It does not see the
 * interfaces of the kernel's own WireGuard.
 *
 * @module
 */
import { wipeSecrets, type DeviceStatus } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { InterfaceClient, socketNames } from '../live/interface-client.ts';
import { showColumns } from '../show/show-columns.ts';
import { showJson } from '../show/show-json.ts';
import { showText } from '../show/show-text.ts';

/** The flags as commander passes them. */
export interface ShowFlags {
  readonly json?: true;
}

/**
 * Prints the state.
 *
 * @param name the interface; `all`; or `interfaces`, for their names only
 * @param column one of `COLUMNS`; undefined: everything, for people
 * @throws {Failure} (rejects) the name is not that of an interface
 * @throws {UapiError | WireGuardError} (rejects) the daemon does not answer
 */
export async function runShow(name = 'all', column?: string, flags: ShowFlags = {}): Promise<void> {
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

/** Reads the status. A daemon other than Litz gives only what `wg` needs. */
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
      // A daemon that was killed has left its socket, or this user may not use the socket.
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
