/**
 * `Log`: writes lines to standard error, if the level from LOG_LEVEL allows it.
 *
 * @module
 */

import { redactKeys } from '@litz/core/text';
import { writeLine, type LogFields } from './log-writer.ts';

/** The levels of wireguard-go; 'debug' is another word for 'verbose'. */
export type LogLevel = 'silent' | 'error' | 'verbose';

export interface Log {
  readonly level: LogLevel;
  /** @param fields values that programs read; they are written only in the form `json` */
  error(text: string, fields?: LogFields): void;
  verbose(text: string, fields?: LogFields): void;
}

/** @param write called with whole lines, including the line feed */
export function createLog(
  level: LogLevel,
  name: string,
  write: (line: string, fields: LogFields) => void = writeLine,
): Log {
  const line = (kind: string, text: string, fields: LogFields = {}): void =>
    write(`${kind}: (${name}) ${redactKeys(text)}\n`, fields);
  return {
    level,
    error: (text, fields) => level !== 'silent' && line('ERROR', text, fields),
    verbose: (text, fields) => level === 'verbose' && line('DEBUG', text, fields),
  };
}

/** Reads a level as wireguard-go does: an unknown text is 'error'. */
export function logLevel(text: string | undefined): LogLevel {
  if (text === 'verbose' || text === 'debug') return 'verbose';
  return text === 'silent' ? 'silent' : 'error';
}
