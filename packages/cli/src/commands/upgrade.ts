/**
 * `litz upgrade INTERFACE`: asks a running daemon to let a new process take its place.
 *
 * @module
 */
import { printable } from '@litz/core/text';
import { Failure } from '../failure.ts';
import { checkInterfaceName } from '../interface-name.ts';
import { askTunnel } from '../tunnel/control.ts';
import { daemonFolder } from '../upgrade/daemon-folder.ts';

/**
 * Resolves when the new process has the device.
 *
 * @param print called with lines for the user, without a line feed
 * @throws {Failure} (rejects) there is no such daemon, or the old process goes on; the message says
 *   why
 */
export async function runUpgrade(name: string, print: (line: string) => void): Promise<void> {
  checkInterfaceName(name);
  // The daemon may belong to another user, so its lines are made safe for a terminal.
  const say = (line: string): void => print(printable(line));
  if ((await askTunnel(name, { do: 'upgrade' }, say, daemonFolder(name))) === 'done') return;
  // A tunnel of `litz up` answers with the reason why it cannot be upgraded.
  if ((await askTunnel(name, { do: 'upgrade' }, say)) === 'done') return;
  throw new Failure(`there is no daemon that runs as: litz ${name}`);
}
