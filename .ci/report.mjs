/**
 * Prints what the report of vitest says, for readers of the CI log: failures, tests that needed a
 * second try, the seconds of each area, errors that no test has caught, and as the last line
 * `N passed, N failed`. Exits with 1 if a test failed or was skipped, or if there is an error that
 * no test has caught.
 *
 * Usage: node .ci/report.mjs REPORT.json
 */
import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { unhandledErrorsOf } from './unhandled-errors.mjs';

const [, , path] = process.argv;
const report = JSON.parse(readFileSync(path, 'utf8'));
const files = report.testResults;
const unhandled = JSON.parse(readFileSync(unhandledErrorsOf(path), 'utf8'));
const skipped = report.numPendingTests + (report.numTodoTests ?? 0);

printSeconds();
for (const file of files) printFailures(file);
for (const file of files) printSecondTries(file);
for (const { test, file, text } of unhandled)
  print(`UNHANDLED ERROR, while ${file}: ${test} ran\n     ${text.slice(0, 1000)}`);
if (skipped > 0) print(`${skipped} skipped: not allowed here`);
const failed = report.numFailedTests + skipped + unhandled.length;
print(`${report.numPassedTests} passed, ${failed} failed`);
process.exitCode = report.success && failed === 0 ? 0 : 1;

function printSeconds() {
  const seconds = new Map();
  for (const file of files) {
    const area = areaOf(relative(process.cwd(), file.name).split(sep));
    seconds.set(area, (seconds.get(area) ?? 0) + (file.endTime - file.startTime) / 1000);
  }
  for (const [area, time] of [...seconds.entries()].toSorted(([a], [b]) => a.localeCompare(b)))
    print(`${time.toFixed(0).padStart(6)} s  ${area}`);
}

/**
 * The tests of the mesh are in three packages. They have one time limit together, 900 s. So the
 * report has one figure for all of them.
 */
function areaOf(parts) {
  const kind = parts.at(-1).includes('.net.') ? 'net' : 'unit';
  const isMesh = parts.some((part) => /^(?:mesh|agent|mesh-demo|rollout|rotation)$/.test(part));
  return `${isMesh ? 'mesh and agent' : parts.slice(0, 2).join('/')}, ${kind}`;
}

function printFailures(file) {
  const failed = file.assertionResults.filter((test) => test.status === 'failed');
  for (const test of failed) print(`FAIL ${file.name}: ${test.fullName}\n     ${firstError(test)}`);
  if (file.status === 'failed' && failed.length === 0) print(`FAIL ${file.name}: ${file.message}`);
}

function printSecondTries(file) {
  for (const test of file.assertionResults) {
    if (test.status !== 'passed' || test.failureMessages.length === 0) continue;
    print(`SECOND TRY ${file.name}: ${test.fullName}\n     ${firstError(test)}`);
  }
}

function firstError(test) {
  return test.failureMessages[0]?.slice(0, 1000);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
