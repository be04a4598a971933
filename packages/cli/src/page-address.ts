/**
 * `readPageAddress`: reads the address of a page from a flag.
 *
 * @module
 */
import { Failure } from './failure.ts';

/** Where a page is served: on loopback, because a page is for users of this machine only. */
export interface PageAddress {
  readonly host: '127.0.0.1' | '::1';
  readonly port: number;
}

/** @throws {Failure} exit code 2: the text is not 127.0.0.1, [::1] or localhost with a port */
export function readPageAddress(flag: string, text: string): PageAddress {
  const [, host = '', digits] = /^(127\.0\.0\.1|\[::1\]|localhost):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (port >= 0 && port <= 65_535) return { host: host === '[::1]' ? '::1' : '127.0.0.1', port };
  throw new Failure(
    `${flag} expected a loopback address and a port, such as 127.0.0.1:51872, got ${text}`,
    { exitCode: 2 },
  );
}
