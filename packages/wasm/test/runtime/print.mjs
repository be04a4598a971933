/** Prints the result of `trial`. Deno and Bun run this file. */
import process from 'node:process';
import { trial } from './trial.mjs';

process.stdout.write(await trial());
