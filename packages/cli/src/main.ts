/**
 * The `litz` program. Nothing is exported.
 *
 * @module
 */
import { runProgram } from './program.ts';

// A reader who went away is no reason to leave an interface behind.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.exitCode = await runProgram(process.argv.slice(2));
