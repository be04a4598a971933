/**
 * `ConfigError`: all mistakes of a configuration file at once.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';

/** One mistake of a file. */
export interface ConfigProblem {
  /** The name of the file, as it was given to `parseConfig`. */
  file: string;
  /** Counted from 1. */
  line: number;
  /**
   * The name of the field, spelled as in the documentation; undefined if the line is not a field,
   * or if the name is unknown and could be part of a WireGuard key.
   */
  field: string | undefined;
  /** What was expected, or what is wrong. Never contains key bytes. */
  message: string;
}

/**
 * A configuration file is wrong. `code` is `ERR_LITZ_INVALID_CONFIG`; the message has one line per
 * mistake.
 */
export class ConfigError extends WireGuardError {
  /** All mistakes, in the order of the file. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('ERR_LITZ_INVALID_CONFIG', problems.map(describe).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/**
 * Returns for instance `wg0.conf:7: AllowedIPs: expected an address with prefix length, got
 * "10.0.0.0/33"`.
 */
function describe({ file, line, field, message }: ConfigProblem): string {
  return `${file}:${line}: ${field === undefined ? '' : `${field}: `}${message}`;
}
