// Loaded before a program: its wall clock is as many milliseconds away from the real one as a file says,
// in all of its threads. CLOCK_FILE names the file, which may change at any time.
const { readFileSync } = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const threads = require('node:worker_threads');

const { now } = Date;
Date.now = () => now() + Number(readFileSync(process.env.CLOCK_FILE, 'utf8'));

// Threads are started without what was loaded before their parent.
const { Worker } = threads;
threads.Worker = class extends Worker {
  constructor(file, options) {
    super(file, { ...options, execArgv: ['--require', __filename] });
  }
};
syncBuiltinESMExports();
