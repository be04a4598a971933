#!/usr/bin/env node
// `limits.js` is loaded first and alone, because the limits may be too low to load `main.js`.
try {
  const { missingResource } = await import('../dist/limits.js');
  const missing = missingResource(process.argv.slice(2));
  if (missing === undefined) await import('../dist/main.js');
  else fail(missing);
} catch (error) {
  if (error.code !== 'EMFILE' && error.code !== 'ENFILE') throw error;
  fail(`too few open files are allowed (ulimit -n): ${error.message}`);
}

function fail(reason) {
  process.stderr.write(`litz: ${reason}\n`);
  process.exitCode = 1;
}
