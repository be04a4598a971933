/**
 * `describeEnvironment`: describes the machine and the code of a result.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';

export interface Environment {
  /** The name of the processor, from the kernel. */
  processor: string;
  cores: number;
  memoryGiB: number;
  /** Such as 'linux x64'. */
  platform: string;
  kernel: string;
  node: string;
  v8: string;
  openssl: string;
  /**
   * The commit of the sources. If some sources were not committed, '+changes' is appended. It is
   * 'unknown' outside a repository.
   */
  commit: string;
  /** When this description was made: ISO 8601, in UTC. */
  date: string;
}

/** Describes this machine, and the sources of this program. */
export function describeEnvironment(): Environment {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${arch()}`,
    kernel: release(),
    node: process.versions.node,
    v8: process.versions.v8,
    openssl: process.versions['openssl'] ?? 'none',
    commit: commit(),
    date: new Date().toISOString(),
  };
}

function commit(): string {
  try {
    const hash = git('rev-parse', '--short=12', 'HEAD');
    // Benchmarks write result files, which do not change the measured code.
    const changes = git('status', '--porcelain', '--', ':/', ':!/packages/bench/results');
    return changes === '' ? hash : `${hash}+changes`;
  } catch {
    return 'unknown';
  }
}

function git(...args: string[]): string {
  const options = { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' } as const;
  return execFileSync('git', args, options).trim();
}
