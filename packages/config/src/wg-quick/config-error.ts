/**
 * What is wrong with a configuration file: all of it at once.
 *
 * @module
 */
import { WireGuardError } from '@litz/core';

export interface ConfigProblem {
  file: string;
  /** From 1 on. */
  line: number;
  /** As it is spelled in the documentation; undefined if the line is of no field. */
  field: string | undefined;
  /** What was expected. Never holds key bytes. */
  message: string;
}

/** `code` is `ERR_LITZ_INVALID_CONFIG`; the message has a line per problem. */
export class ConfigError extends WireGuardError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super('ERR_LITZ_INVALID_CONFIG', problems.map(describe).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** `wg0.conf:7: AllowedIPs: expected an address with prefix length, got "10.0.0.0/33"` */
function describe({ file, line, field, message }: ConfigProblem): string {
  return `${file}:${line}: ${field === undefined ? '' : `${field}: `}${message}`;
}
