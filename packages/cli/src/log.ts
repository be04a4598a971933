/**
 * `Log`: lines on standard error, by level, as the daemon's LOG_LEVEL asks for.
 *
 * @module
 */

import { redactKeys } from '@litz/core/internals';

/** What wireguard-go knows; 'debug' is another word for 'verbose'. */
export type LogLevel = 'silent' | 'error' | 'verbose';

export interface Log {
  readonly level: LogLevel;
  error(text: string): void;
  verbose(text: string): void;
}

/** @param write gets whole lines, with their line feed */
export function createLog(
  level: LogLevel,
  name: string,
  write: (line: string) => void = writeToStandardError,
): Log {
  const line = (kind: string, text: string): void =>
    write(`${kind}: (${name}) ${redactKeys(text)}\n`);
  return {
    level,
    error: (text) => level !== 'silent' && line('ERROR', text),
    verbose: (text) => level === 'verbose' && line('DEBUG', text),
  };
}

/** As wireguard-go reads it: what it does not know is 'error'. */
export function logLevel(text: string | undefined): LogLevel {
  if (text === 'verbose' || text === 'debug') return 'verbose';
  return text === 'silent' ? 'silent' : 'error';
}

/** Of a daemon whose terminal is gone there is nobody to tell: a failing write is ignored. */
function writeToStandardError(line: string): void {
  process.stderr.write(line, () => {});
}
