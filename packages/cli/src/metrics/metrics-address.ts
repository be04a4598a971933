/**
 * `readMetricsAddress`: reads the value of `--metrics`.
 *
 * @module
 */
import type { ListenAddress, ListenPath } from '@litz/mesh';
import { Failure } from '../failure.ts';
import { formatHostPort, isOpenToOthers, readListenAddress } from '../proxy/addresses.ts';

/** A TCP port of the loopback interface, or a Unix socket. */
export type MetricsAddress = ListenAddress | ListenPath;

/**
 * Reads `PORT`, `ADDRESS:PORT` or `unix:/PATH`. A port alone means 127.0.0.1.
 *
 * @throws {Failure} exit code 2: the text has another form, or other machines could reach the
 *   address
 */
export function readMetricsAddress(text: string): MetricsAddress {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (/^\/[^\0]{1,106}$/.test(path)) return { path };
    throw wrong('expected unix: and an absolute path of at most 107 bytes');
  }
  const address = readListenAddress(text);
  if (!address) throw wrong('expected PORT, ADDRESS:PORT, or unix:/PATH');
  if (!isOpenToOthers(address.host)) return address;
  throw wrong(
    'expected a loopback address, because anybody who reaches it sees the peers and their addresses',
  );
}

/** Returns the address as text. */
export function formatMetricsAddress(address: MetricsAddress): string {
  return 'path' in address ? `unix:${address.path}` : formatHostPort(address);
}

function wrong(reason: string): Failure {
  return new Failure(`--metrics: ${reason}`, { exitCode: 2 });
}
