/**
 * Runs mutation tests with Stryker:
 *
 *   pnpm mutate [FOLDER ...]                runs all mutants
 *   pnpm mutate:again [FOLDER[/FILE] ...]   runs the mutants that survived, and all mutants of
 *                                           files whose code has changed
 *   pnpm mutate:stopped [FOLDER ...]        runs the mutants that the timer stopped, except those
 *                                           in the head of a loop. On a busy machine, set
 *                                           `LITZ_MUTATION_TIMEOUT_MS=60000`
 *   pnpm mutate:quick                       runs a small set of mutants
 *   pnpm mutate:report [FOLDER ...]         runs nothing; prints each survivor of a folder
 *
 * The folders run one after the other, each with the tests that `folders.mjs` lists for it. The
 * results are stored in `results/`. Then `docs/mutation.md` is written. The command fails if a
 * threshold is not reached.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyCheckout, filesOf, inBraces } from './checkout-copy.mjs';
import { CRITICAL, FOLDERS, LEAST_SHARE, QUICK } from './folders.mjs';
import { relocate } from './relocation.mjs';
import {
  fateOf,
  isSame,
  linesOf,
  mergeResults,
  mutantsOf,
  readResult,
  shortfalls,
  slim,
  stoppedLines,
  survivingLines,
} from './results.mjs';
import { tableText } from './table.mjs';

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../../..');
const RESULTS = join(HERE, 'results');
const WORK = join(ROOT, '.mutation');

/**
 * Settings for the tests, because they run once per mutant: smaller samples that reach the same
 * code, and quick handshakes.
 */
const QUICK_TESTS = {
  FC_NUM_RUNS: '4',
  LITZ_TEST_PREFIXES: '450',
  LITZ_TEST_PEERS: '60',
  LITZ_TEST_FLOOD: '80',
  LITZ_TEST_X25519: 'quick',
};

const [command, ...names] = process.argv.slice(2);
const equivalents = JSON.parse(readFileSync(join(HERE, 'equivalent.json'), 'utf8'));
switch (command) {
  case 'run':
    for (const name of namesOr(Object.keys(FOLDERS))) tryFolder(name);
    report();
    break;
  case 'again':
    for (const name of namesOr(Object.keys(FOLDERS))) again(name, survivors);
    report();
    break;
  case 'stopped':
    for (const name of namesOr(Object.keys(FOLDERS))) again(name, stoppedLines);
    report();
    break;
  case 'quick':
    quick();
    break;
  case 'report':
    report();
    for (const name of names) printSurvivors(name);
    break;
  default:
    throw new Error('expected run, again, stopped, quick or report');
}

function namesOr(all) {
  return names.length > 0 ? names : all;
}

/** Runs a folder. An error is reported, so that the next folder still runs. */
function tryFolder(name) {
  try {
    runFolder(name);
  } catch (error) {
    fail([error.message]);
  }
}

function folderOf(name) {
  const folder = FOLDERS[name];
  if (!folder) throw new Error(`no folder ${name}: ${Object.keys(FOLDERS).join(', ')}`);
  return folder;
}

function runFolder(name) {
  const folder = folderOf(name);
  const result = slim(stryker(name, folder, folder.mutate));
  addEmpty(result, filesOf(ROOT, folder.mutate));
  keep(name, result);
}

/**
 * Adds files without mutants, such as files of types, because Stryker's report does not have them.
 */
function addEmpty(result, files) {
  for (const file of files) {
    const source = inBraces(readFileSync(join(ROOT, file), 'utf8'));
    if (result.files[file]?.source !== source) result.files[file] = { source, mutants: [] };
  }
}

/**
 * Runs some mutants again, for example the survivors after new tests were written. `pick` gets
 * a file, and returns the lines whose mutants run again. In a file that has changed, all mutants
 * run.
 *
 * @param of a folder, or a file of a folder: `flow/inbound.ts`
 */
function again(of, pick) {
  const [name, only] = of.split('/');
  const { mutate } = folderOf(name);
  const kept = keptResult(name);
  const files = filesOf(ROOT, mutate);
  const wanted = files
    .filter((file) => only === undefined || file.endsWith(`/${only}`))
    .flatMap((file) => {
      const source = inBraces(readFileSync(join(ROOT, file), 'utf8'));
      if (kept.files[file]?.source !== source) return [file];
      return pick(file, kept).map((lines) => `${file}:${lines}`);
    });
  for (const file of Object.keys(kept.files)) if (!files.includes(file)) delete kept.files[file];
  if (wanted.length > 0) mergeResults(kept, slim(stryker(name, FOLDERS[name], mutate, wanted)));
  addEmpty(
    kept,
    wanted.filter((file) => files.includes(file)),
  );
  keep(name, kept);
}

function survivors(file, kept) {
  return survivingLines(file, kept, equivalents);
}

/**
 * Returns the stored results of a folder, moved to the present text of its files where only
 * comments have changed.
 */
function keptResult(name) {
  const kept = readResult(join(RESULTS, `${name}.json`)) ?? { files: {} };
  for (const [file, result] of Object.entries(kept.files)) {
    if (!existsSync(join(ROOT, file))) continue;
    const moved = relocate(result, inBraces(readFileSync(join(ROOT, file), 'utf8')));
    if (moved) kept.files[file] = moved;
  }
  return kept;
}

function keep(name, result) {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(result)}\n`);
}

/** Runs the small set. It uses no stored results, and stores none. */
function quick() {
  const patterns = QUICK.mutate.map((pattern) => pattern.split('#')[0]);
  const wanted = QUICK.mutate.flatMap((pattern) => {
    const [file, name] = pattern.split('#');
    if (name === undefined) return filesOf(ROOT, [file]);
    return [`${file}:${linesOf(readFileSync(join(ROOT, file), 'utf8'), name)}`];
  });
  const mutants = mutantsOf(stryker('quick', QUICK, patterns, wanted));
  // Some files are only mutated in one function, so not all equivalent mutants appear.
  const known = equivalents.filter((each) => mutants.some((mutant) => isSame(each, mutant)));
  fail(
    shortfalls(
      { quick: mutants },
      { equivalents: known, critical: CRITICAL, leastShare: LEAST_SHARE },
    ),
  );
}

/**
 * Returns a text that lists the files without results, and those that have changed since their
 * results.
 */
function changedFilesText(results) {
  const changed = Object.entries(FOLDERS).flatMap(([name, { mutate }]) => {
    const kept = results[name];
    return filesOf(ROOT, mutate).filter(
      (file) => kept.files[file]?.source !== inBraces(readFileSync(join(ROOT, file), 'utf8')),
    );
  });
  return changed.length === 0
    ? ''
    : `\nThese files have no results, or have changed since:\n${changed.join('\n')}\n`;
}

/** Prints the survivors of a folder in the form of an entry of `equivalent.json`. */
function printSurvivors(name) {
  for (const mutant of mutantsOf(keptResult(name))) {
    if (fateOf(mutant, equivalents) !== 'survived') continue;
    const { file, line, text, within, original, replacement, status } = mutant;
    const where = `${file.replace(/^packages\//, '')}:${line} ${status}`;
    process.stdout.write(
      `${where}\n${JSON.stringify({ within, line: text, original, replacement })}\n`,
    );
  }
}

/** Prints the page and writes it to `docs/mutation.md`. */
function report() {
  const results = Object.fromEntries(Object.keys(FOLDERS).map((name) => [name, keptResult(name)]));
  const folders = Object.fromEntries(
    Object.entries(results).map(([name, result]) => [name, mutantsOf(result)]),
  );
  const text = tableText(folders, { equivalents, critical: CRITICAL });
  writeFileSync(join(ROOT, 'docs/mutation.md'), text);
  process.stdout.write(text);
  process.stdout.write(changedFilesText(results));
  fail(shortfalls(folders, { equivalents, critical: CRITICAL, leastShare: LEAST_SHARE }));
}

function fail(found) {
  for (const sentence of found) process.stderr.write(`${sentence}\n`);
  if (found.length > 0) process.exitCode = 1;
}

/**
 * @returns Stryker's report on `wanted`: files or lines that match `patterns`; default: all
 *   matching files
 */
function stryker(name, { tests }, patterns, wanted) {
  // Each folder has its own working folder, so that two folders can run at the same time.
  const work = join(WORK, name);
  const copy = join(work, 'checkout');
  const report = join(work, 'report.json');
  const files = copyCheckout(ROOT, copy, patterns);
  rmSync(report, { force: true });
  const config = join(copy, 'stryker.config.json');
  writeFileSync(config, JSON.stringify(configuration(wanted ?? files, work)));
  const { status } = spawnSync(process.execPath, [strykerCommand(), 'run', config], {
    cwd: copy,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...QUICK_TESTS,
      LITZ_MUTATION_TESTS: filesOf(ROOT, tests).join(' '),
    },
  });
  if (status !== 0) throw new Error(`Stryker ended with ${status} in ${name}`);
  return readResult(report) ?? { files: {} };
}

function configuration(mutate, work) {
  return {
    testRunner: 'in-process',
    plugins: [join(HERE, 'in-process/runner.mjs')],
    mutate,
    inPlace: true,
    // This file does not exist. Stryker would read it with an API that TypeScript 7 does not have.
    tsconfigFile: 'none.json',
    disableTypeChecks: false,
    coverageAnalysis: 'perTest',
    concurrency: Number(process.env['LITZ_MUTATION_WORKERS'] ?? 2),
    // Stryker adds one and a half times the normal time of the tests to this number. It is large,
    // because tests are slow on a busy machine.
    timeoutMS: Number(process.env['LITZ_MUTATION_TIMEOUT_MS'] ?? 15_000),
    // Modules that were loaded again stay in memory, so the process is restarted.
    maxTestRunnerReuse: 150,
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: join(work, 'report.json') },
    tempDirName: join(work, 'stryker'),
    allowConsoleColors: false,
  };
}

function strykerCommand() {
  return join(ROOT, 'node_modules/@stryker-mutator/core/bin/stryker.js');
}
