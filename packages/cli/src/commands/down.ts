/**
 * `litz down`, `litz reload`, `litz save` and `litz strip`: the commands for tunnels besides `up`.
 *
 * For the first three, the process of `litz up` does the work, because it has the state of the
 * tunnel. If the interface belongs to another daemon (`litz wg0`, wireguard-go), the UAPI socket of
 * the daemon is used. `litz strip` only reads a file.
 *
 * @module
 */
import { existsSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseConfig, toDeviceConfiguration, wipeSecrets } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import {
  LinuxHost,
  parseTunnelFile,
  resolveEndpoints,
  retriesFromEnvironment,
} from '@litz/device/quick';
import { Failure } from '../failure.ts';
import { InterfaceClient } from '../live/interface-client.ts';
import { askTunnel } from '../tunnel/control.ts';
import { replaceFile } from '../tunnel/replace-file.ts';
import { savedText } from '../tunnel/save-config.ts';
import { stripConfig } from '../tunnel/strip-config.ts';
import { syncChange } from '../tunnel/sync-change.ts';
import { readTunnelFile } from '../read-tunnel-file.ts';
import { locateTunnelFile } from '../tunnel-path.ts';

/** Called with lines for the user, without a line feed. */
type Print = (line: string) => void;

/**
 * Takes an interface down, and resolves when it is gone. If the process of a tunnel was killed,
 * this function restores the DNS servers and the reverse path filters that the process had changed.
 *
 * @throws {Failure} there is no such interface; or a hook failed, but the interface is gone all the
 *   same; or the daemon has not removed its interface after 10 s
 */
export async function runDown(target: string, print: Print): Promise<void> {
  const { name } = locateTunnelFile(target);
  const answer = await askTunnel(name, { do: 'down' }, print);
  if (answer === 'done') return;
  const host = await LinuxHost.open();
  try {
    const lines = host.restoreLeftOverDns();
    for (const line of lines) print(`${name}: ${line}`);
    for (const link of host.restoreLeftOverFilters())
      print(`${name}: restored rp_filter of ${link}`);
    if (await endDaemon(name, host)) return;
    if (answer === 'killed' || lines.length > 0) return;
  } finally {
    host.close();
  }
  throw new Failure(`there is no interface ${name} of litz`);
}

/**
 * Gives a running interface the keys and peers of a file. A tunnel of `litz up` also takes
 * addresses, routes and the hooks of `down` from the file. Peers that stay keep their sessions.
 *
 * @param file default: `target`, if it is a path. If it is a name, the file that the tunnel was
 *   brought up with, or /etc/wireguard/NAME.conf if another daemon has the interface
 * @throws {Failure | ConfigError | UapiError | WireGuardError} the file is wrong, and nothing was
 *   changed; or a step failed
 */
export async function runReload(
  target: string,
  file: string | undefined,
  print: Print,
): Promise<void> {
  const { name, file: usual } = locateTunnelFile(target);
  const named = file === undefined ? (target.includes('/') ? usual : undefined) : file;
  const path = named === undefined ? undefined : resolve(named);
  const request =
    path === undefined ? { do: 'reload' as const } : { do: 'reload' as const, file: path };
  if ((await askTunnel(name, request, print)) === 'done') return;
  const wantedFile = path ?? usual;
  const text = readTunnelFile(wantedFile, print);
  const parsed = parseTunnelFile(text, { file: wantedFile, name });
  const retries = retriesFromEnvironment(process.env);
  const endpoints = await resolveEndpoints(parsed, { retries, log: print });
  const wanted = toDeviceConfiguration(parsed.config, endpoints);
  const status = await new InterfaceClient(name).read();
  // Only a daemon of Litz knows the field for the name of an endpoint. Any other daemon would
  // refuse the whole change.
  if (!status.details) for (const peer of wanted.peers ?? []) delete peer.endpointName;
  try {
    await UapiClient.of(name).set(syncChange(status, wanted));
  } finally {
    wipeSecrets(wanted);
    wipeSecrets(status);
    wipeSecrets({ ...parsed.config.interface, peers: parsed.config.peers });
  }
}

/**
 * Writes the present state of an interface into its file.
 *
 * @throws {Failure | ConfigError | UapiError} the state could not be read or written; the file is
 *   unchanged
 */
export async function runSave(target: string, print: Print): Promise<void> {
  const { name, file } = locateTunnelFile(target);
  if ((await askTunnel(name, { do: 'save' }, print)) === 'done') return;
  const status = await new InterfaceClient(name).read();
  const host = await LinuxHost.open();
  try {
    const [addresses, mtu] = [host.addresses(name), host.mtu(name)];
    const text = savedText(readTunnelFile(file, print, { refusesPipes: true }), file, {
      status,
      addresses,
      mtu,
      ownMark: 0,
    });
    replaceFile(file, text);
  } finally {
    host.close();
    wipeSecrets(status);
  }
}

/**
 * Returns the text of a wg-quick file with only those lines that `wg` can read.
 *
 * @throws {Failure | ConfigError} the file cannot be read, or has mistakes
 */
export function strippedFile(target: string, print: Print): string {
  const { file } = locateTunnelFile(target);
  const text = readTunnelFile(file, print);
  const config = parseConfig(text, { file });
  wipeSecrets({ ...config.interface, peers: config.peers });
  return stripConfig(text);
}

/** Ends a daemon by removing its socket. @returns whether there was a daemon */
async function endDaemon(name: string, host: LinuxHost): Promise<boolean> {
  const { path } = UapiClient.of(name);
  if (!existsSync(path)) return false;
  if (!host.hasLink(name)) {
    // A daemon that was killed has left the socket.
    rmSync(path, { force: true });
    return false;
  }
  rmSync(path, { force: true });
  for (let waitedMs = 0; host.hasLink(name); waitedMs += CHECK_MS) {
    if (waitedMs >= LONGEST_MS) {
      const advice = `use: ip link delete ${name}`;
      throw new Failure(`${name} is still there after ${LONGEST_MS / 1000} s; ${advice}`);
    }
    await sleep(CHECK_MS);
  }
  return true;
}

const CHECK_MS = 20;
const LONGEST_MS = 10_000;
