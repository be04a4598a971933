/**
 * `openLivePage`: opens a `LivePage` for interfaces of this machine.
 *
 * @module
 */
import { Failure } from '../failure.ts';
import { LiveSource } from '../live/live-source.ts';
import type { PageAddress } from '../page-address.ts';
import { LivePage } from './live-page.ts';

/**
 * @param names the interfaces; if empty, all with a daemon, also those that come later
 * @param flag the flag that gives the address, for errors
 * @throws {Failure} (rejects) the address cannot be used, or a name is wrong
 */
export async function openLivePage(
  names: readonly string[],
  address: PageAddress,
  flag: string,
): Promise<LivePage> {
  const source = new LiveSource(names);
  try {
    return await LivePage.open({ ...address, source });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason =
      code === 'EADDRINUSE'
        ? 'another program uses this port: choose another one'
        : code === 'EACCES'
          ? 'a port below 1024 is for root: choose another one'
          : message;
    const text = `${flag} ${address.host}:${address.port}: ${reason}`;
    throw new Failure(text, { cause: error });
  }
}
