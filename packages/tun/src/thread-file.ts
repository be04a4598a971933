/**
 * `threadFile`: where the code of the thread of `Readiness` is.
 *
 * A bundler joins this file with the code of a program. The thread's file is not beside the joined
 * file, unless the bundler was told to put it there.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { WireGuardError } from '@litz/core';

/**
 * Returns the file for `new Worker`: the file beside this one, or the file of the installed
 * package.
 *
 * @param here the URL of this file; undefined in CommonJS code that a bundler has made
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: there is no such file
 */
export function threadFile(here: string | undefined = import.meta.url): URL {
  // A thread cannot load TypeScript without a loader, so a source file uses the built file too.
  if (here?.endsWith('.ts')) return new URL('../dist/readiness-worker.js', import.meta.url);
  if (here !== undefined) {
    const beside = new URL('readiness-worker.js', here);
    if (existsSync(beside)) return beside;
  }
  try {
    const { resolve } = createRequire(here ?? pathToFileURL(`${process.cwd()}/`));
    return pathToFileURL(resolve('@litz/tun/readiness-worker'));
  } catch (cause) {
    throw new WireGuardError(
      'ERR_LITZ_WORKER',
      'the file of the thread of a TUN, readiness-worker.js, is missing beside the program: tell the ' +
        'bundler to make it from the entry @litz/tun/readiness-worker',
      { cause },
    );
  }
}
