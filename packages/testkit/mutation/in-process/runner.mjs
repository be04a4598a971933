/**
 * Stryker's test runner for `pnpm mutate`: tests and code are loaded once, and each mutant costs no more
 * than its tests take. With a process or a thread for each of them it would be a hundred times that.
 *
 * What stays in memory may be spoilt by a mutant. So the test that killed it has to pass without it
 * afterwards; if it does not, everything is loaded anew and the mutant is tried once more.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { configureGlobal } from 'fast-check';

/** What the instrumented code and the runner talk by. */
const stryker = (globalThis.__stryker__ ??= {});

/** Milliseconds by test, written by the process that runs all of them first. */
const DURATIONS = 'durations.json';

class InProcessRunner {
  #suites;
  #tests = new Map();
  #durations;
  /** How many mutants a test has killed, by its id. */
  #kills = new Map();
  #version = 0;
  /** A mutant was active while it was loaded, or has left something behind. */
  #isSpoilt = false;

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    process.env.NODE_ENV = 'test';
    process.env.VITEST = '1';
    // A mutant is killed by the first counterexample.
    configureGlobal({ endOnFailure: true });
    register('./hooks.mjs', import.meta.url, { data: { copy: process.cwd() } });
    this.#suites = await import('./suites.mjs');
    await this.#load();
  }

  async dryRun() {
    const results = [];
    for (const test of this.#tests.values()) {
      const begun = performance.now();
      stryker.currentTestId = test.id;
      const failure = await this.#suites.runTest(test);
      stryker.currentTestId = undefined;
      const timeSpentMs = performance.now() - begun;
      const { id, name, file: fileName } = test;
      results.push({ id, name, fileName, timeSpentMs, ...outcome(failure) });
    }
    const durations = Object.fromEntries(results.map(({ id, timeSpentMs }) => [id, timeSpentMs]));
    writeFileSync(DURATIONS, JSON.stringify(durations));
    return { status: 'complete', tests: results, mutantCoverage: stryker.mutantCoverage };
  }

  async mutantRun(options) {
    const first = await this.#try(options);
    if (first.status !== 'killed' || !this.#isSpoilt || options.reloadEnvironment) return first;
    return this.#try(options);
  }

  async #try({ activeMutant, testFilter, hitLimit, reloadEnvironment, sandboxFileName }) {
    try {
      if (reloadEnvironment) await this.#load(activeMutant.id);
      else if (this.#isSpoilt) await this.#load();
    } catch (error) {
      // The tests cannot even be loaded.
      this.#isSpoilt = true;
      return { status: 'killed', killedBy: [], failureMessage: String(error), nrOfTests: 0 };
    }
    const wanted = testFilter ? new Set(testFilter) : undefined;
    const tests = [...this.#tests.values()].filter(({ id }) => wanted?.has(id) ?? true);
    let ran = 0;
    for (const test of this.#quickFirst(tests, sandboxFileName)) {
      ran++;
      const failure = await this.#runWith(activeMutant.id, hitLimit, test);
      if (failure === undefined) continue;
      const { hitCount } = stryker;
      stryker.hitCount = undefined;
      if (hitCount > hitLimit) {
        this.#isSpoilt = true;
        return { status: 'timeout', reason: `hit ${hitCount} times` };
      }
      this.#isSpoilt ||= (await this.#suites.runTest(test)) !== undefined;
      this.#kills.set(test.id, (this.#kills.get(test.id) ?? 0) + 1);
      const failureMessage = String(failure.message ?? failure);
      return { status: 'killed', killedBy: [test.id], failureMessage, nrOfTests: ran };
    }
    return { status: 'survived', nrOfTests: ran };
  }

  async #runWith(mutant, hitLimit, test) {
    stryker.activeMutant = mutant;
    stryker.hitLimit = hitLimit;
    stryker.hitCount ??= hitLimit === undefined ? undefined : 0;
    try {
      return await this.#suites.runTest(test);
    } finally {
      stryker.activeMutant = undefined;
    }
  }

  /** Those of the mutant's own file are the nearest; who killed others will kill this one. */
  #quickFirst(tests, mutated) {
    if (!this.#durations && existsSync(DURATIONS)) {
      this.#durations = JSON.parse(readFileSync(DURATIONS, 'utf8'));
    }
    const own = `/${basename(mutated, '.ts')}.test.ts`;
    const cost = ({ id, file }) => {
      const share = file.endsWith(own) ? 0.1 : 1;
      return (share * (this.#durations?.[id] ?? 0)) / (1 + 3 * (this.#kills.get(id) ?? 0));
    };
    stryker.hitCount = undefined;
    return tests.toSorted((a, b) => cost(a) - cost(b));
  }

  /** Loads everything, anew if it was loaded before; with a mutant that is active meanwhile. */
  async #load(mutant) {
    this.#version++;
    this.#isSpoilt = mutant !== undefined;
    stryker.activeMutant = mutant;
    const files = process.env['LITZ_MUTATION_TESTS'].split(' ');
    const version = this.#version === 1 ? '' : `?v=${this.#version}`;
    try {
      this.#tests = await this.#suites.collect(
        files,
        (file) => import(`${pathToFileURL(join(process.cwd(), file)).href}${version}`),
      );
    } finally {
      stryker.activeMutant = undefined;
    }
  }
}

function outcome(failure) {
  if (failure === undefined) return { status: 0 };
  return { status: 1, failureMessage: String(failure.stack ?? failure) };
}

export const strykerPlugins = [
  { kind: 'TestRunner', name: 'in-process', injectableClass: InProcessRunner },
];
