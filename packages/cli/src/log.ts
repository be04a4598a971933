/**
 * `Log`: writes lines to standard error, if the level from LOG_LEVEL allows it.
 *
 * @module
 */

import { redactKeys } from '@litz/core/text';

/** The levels of wireguard-go; 'debug' is another word for 'verbose'. */
export type LogLevel = 'silent' | 'error' | 'verbose';

export interface Log {
  readonly level: LogLevel;
  error(text: string): void;
  verbose(text: string): void;
}

/** @param write called with whole lines, including the line feed */
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

/** Reads a level as wireguard-go does: an unknown text is 'error'. */
export function logLevel(text: string | undefined): LogLevel {
  if (text === 'verbose' || text === 'debug') return 'verbose';
  return text === 'silent' ? 'silent' : 'error';
}

/** Ignores a failed write: the terminal of a daemon may be gone. */
function writeToStandardError(line: string): void {
  process.stderr.write(line, () => {});
}
