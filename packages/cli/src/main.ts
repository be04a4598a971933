/**
 * The `litz` program. Nothing is exported.
 *
 * @module
 */
import { runProgram } from './program.ts';

// If the reader of the output is gone, writing fails, and the stream emits `error`. Without a
// listener, this event would end the program before it has removed its interface.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
process.exitCode = await runProgram(process.argv.slice(2));
