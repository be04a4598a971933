// Loaded before a program. Shifts the wall clock of the program, in all of its threads, by the
// number of milliseconds in a file. CLOCK_FILE names the file, which may change at any time.
const { readFileSync } = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const threads = require('node:worker_threads');

const { now } = Date;
Date.now = () => now() + Number(readFileSync(process.env.CLOCK_FILE, 'utf8'));

// A new thread does not load this file by itself.
const { Worker } = threads;
threads.Worker = class extends Worker {
  constructor(file, options) {
    super(file, { ...options, execArgv: ['--require', __filename] });
  }
};
syncBuiltinESMExports();
