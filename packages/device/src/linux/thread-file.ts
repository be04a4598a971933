/**
 * `threadFile`: finds the file with the code of a Linux device's thread.
 *
 * A bundler may join this file with the code of a program. Then the file of the thread is beside
 * the program only if the bundler was told to put it there.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { WireGuardError } from '@litz/core/text';

/** The thread of the packet loop, and those that seal and open together with it. */
export type ThreadName = 'linux-worker' | 'cipher-worker';

/**
 * Returns the file for `new Worker`: the file beside this one, or the file of the installed
 * package.
 *
 * @param here the URL of this file; undefined in CommonJS code that a bundler has made
 * @throws {WireGuardError} `ERR_LITZ_WORKER`: there is no such file
 */
export function threadFile(name: ThreadName, here: string | undefined = import.meta.url): URL {
  if (here?.endsWith('.ts')) return builtFile(name);
  if (here !== undefined) {
    const beside = new URL(`${name}.js`, here);
    if (existsSync(beside)) return beside;
  }
  try {
    const { resolve } = createRequire(here ?? pathToFileURL(`${process.cwd()}/`));
    return pathToFileURL(resolve(`@litz/device/${name}`));
  } catch (cause) {
    throw new WireGuardError(
      'ERR_LITZ_WORKER',
      `the file of a thread of the device, ${name}.js, is missing beside the program: tell the ` +
        `bundler to make it from the entry @litz/device/${name}`,
      { cause },
    );
  }
}

/**
 * A thread cannot load TypeScript without a loader, so a source file uses the built file too. Both
 * URLs are written out, because release/bundle.mjs finds the files of threads by them.
 */
function builtFile(name: ThreadName): URL {
  return name === 'linux-worker'
    ? new URL('../../dist/linux/linux-worker.js', import.meta.url)
    : new URL('../../dist/linux/cipher-worker.js', import.meta.url);
}
