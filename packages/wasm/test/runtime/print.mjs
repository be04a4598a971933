/** What Deno and Bun run. */
import process from 'node:process';
import { trial } from './trial.mjs';

process.stdout.write(await trial());
