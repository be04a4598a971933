/**
 * Mutation tests by Stryker: `pnpm mutate [FOLDER ...]`, `pnpm mutate:again [FOLDER[/FILE] ...]` for those
 * that survived and for files that changed, `pnpm mutate:stopped [FOLDER ...]` for those that were stopped
 * outside of the head of a loop (with `LITZ_MUTATION_TIMEOUT_MS=60000`, on a busy machine),
 * `pnpm mutate:quick`, and `pnpm mutate:report [FOLDER ...]`, which tells the survivors of a folder one by
 * one.
 *
 * Folder by folder, each with the tests of `folders.mjs`. Results are kept in `results/`. Afterwards
 * `docs/mutation.md` is written anew, and what falls short of the thresholds makes it fail.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { copyCheckout, filesOf, inBraces } from './checkout-copy.mjs';
import { CRITICAL, FOLDERS, LEAST_SHARE, QUICK } from './folders.mjs';
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

/** Each mutant runs them: smaller samples, which reach the same code, and quick handshakes. */
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
    for (const name of names) tellSurvivors(name);
    break;
  default:
    throw new Error('expected run, again, stopped, quick or report');
}

function namesOr(all) {
  return names.length > 0 ? names : all;
}

/** One that fails does not keep the others from their turn. */
function tryFolder(name) {
  try {
    runFolder(name);
  } catch (error) {
    tell([error.message]);
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

/** Files in which there is nothing to change, types most of them, are in no report. */
function addEmpty(result, files) {
  for (const file of files) {
    const source = inBraces(readFileSync(join(ROOT, file), 'utf8'));
    if (result.files[file]?.source !== source) result.files[file] = { source, mutants: [] };
  }
}

/**
 * Whoever has written tests wants to know of the survivors alone. `pick`: those of a file.
 *
 * @param of a folder, or of a file of it, as in `flow/inbound.ts`
 */
function again(of, pick) {
  const [name, only] = of.split('/');
  const kept = readResult(join(RESULTS, `${name}.json`)) ?? { files: {} };
  const { mutate } = folderOf(name);
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

function keep(name, result) {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(result)}\n`);
}

/** The small set: nothing is taken over and nothing kept. */
function quick() {
  const patterns = QUICK.mutate.map((pattern) => pattern.split('#')[0]);
  const wanted = QUICK.mutate.flatMap((pattern) => {
    const [file, name] = pattern.split('#');
    if (name === undefined) return filesOf(ROOT, [file]);
    return [`${file}:${linesOf(readFileSync(join(ROOT, file), 'utf8'), name)}`];
  });
  const mutants = mutantsOf(stryker('quick', QUICK, patterns, wanted));
  // Of some files there is but a function.
  const known = equivalents.filter((each) => mutants.some((mutant) => isSame(each, mutant)));
  tell(
    shortfalls(
      { quick: mutants },
      { equivalents: known, critical: CRITICAL, leastShare: LEAST_SHARE },
    ),
  );
}

/** Which files have no results, or results of another text than they have now. */
function agedText() {
  const aged = Object.entries(FOLDERS).flatMap(([name, { mutate }]) => {
    const kept = readResult(join(RESULTS, `${name}.json`));
    return filesOf(ROOT, mutate).filter(
      (file) => kept?.files[file]?.source !== inBraces(readFileSync(join(ROOT, file), 'utf8')),
    );
  });
  return aged.length === 0 ? '' : `\nTo be looked at again, they changed:\n${aged.join('\n')}\n`;
}

/** The survivors of a folder, one a line, as an entry of `equivalent.json` would name them. */
function tellSurvivors(name) {
  for (const mutant of mutantsOf(readResult(join(RESULTS, `${name}.json`)))) {
    if (fateOf(mutant, equivalents) !== 'survived') continue;
    const { file, line, text, within, original, replacement, status } = mutant;
    const where = `${file.replace(/^packages\//, '')}:${line} ${status}`;
    process.stdout.write(
      `${where}\n${JSON.stringify({ within, line: text, original, replacement })}\n`,
    );
  }
}

/** Prints the table and writes it down. */
function report() {
  const folders = Object.fromEntries(
    Object.keys(FOLDERS).map((name) => {
      const result = readResult(join(RESULTS, `${name}.json`));
      return [name, result ? mutantsOf(result) : []];
    }),
  );
  const text = tableText(folders, { equivalents, critical: CRITICAL });
  writeFileSync(join(ROOT, 'docs/mutation.md'), text);
  process.stdout.write(text);
  process.stdout.write(agedText());
  tell(shortfalls(folders, { equivalents, critical: CRITICAL, leastShare: LEAST_SHARE }));
}

function tell(found) {
  for (const sentence of found) process.stderr.write(`${sentence}\n`);
  if (found.length > 0) process.exitCode = 1;
}

/** @returns its report on `wanted`, files or lines of those that `patterns` mean; default: all of them */
function stryker(name, { tests }, patterns, wanted) {
  // Of its own, so that two folders may run beside each other.
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
    // Stryker would read it by TypeScript's old interface, which 7 has no more.
    tsconfigFile: 'none.json',
    disableTypeChecks: false,
    coverageAnalysis: 'perTest',
    concurrency: Number(process.env['LITZ_MUTATION_WORKERS'] ?? 2),
    // Beside the time that the tests take, half as much again: a busy machine is no endless loop.
    timeoutMS: Number(process.env['LITZ_MUTATION_TIMEOUT_MS'] ?? 15_000),
    // What was loaded anew stays in memory as well.
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
