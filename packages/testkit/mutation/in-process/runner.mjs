/**
 * Stryker's test runner for `pnpm mutate`. It loads tests and code once, so a mutant costs only the
 * time of its tests. A process or a thread for each mutant would take a hundred times as long.
 *
 * A mutant can damage state that stays in memory. So the test that killed the mutant must pass
 * afterwards without the mutant. If the test fails, everything is loaded again and the mutant is
 * tried once more.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { configureGlobal } from 'fast-check';

/** The object that Stryker's instrumented code and the runner share. */
const stryker = (globalThis.__stryker__ ??= {});

/**
 * A file with the cost of each test without a mutant, by the ID of the test. The process that first
 * runs all tests writes it.
 */
const COSTS = 'costs.json';

/**
 * Counts the expressions that the instrumented code evaluates. That code reads `static` at each
 * expression that can be changed. So an endless loop is found by the count, long before the timer
 * stops it.
 */
class Coverage {
  perTest = {};
  /** The number of expressions since `begin`. */
  passed = 0;
  #limit = Infinity;
  #static = {};

  get static() {
    if (++this.passed > this.#limit)
      throw new Error('the test evaluates too many expressions: it does not end');
    return this.#static;
  }

  get isOverLimit() {
    return this.passed > this.#limit;
  }

  begin(limit) {
    this.passed = 0;
    this.#limit = limit;
  }

  toJSON() {
    return { static: this.#static, perTest: this.perTest };
  }
}

class InProcessRunner {
  #suites;
  #tests = new Map();
  #costs;
  /** How many mutants each test has killed, by its ID. */
  #kills = new Map();
  #version = 0;
  /**
   * Whether everything must be loaded again: a mutant was active during the load, or has damaged
   * the state.
   */
  #isSpoilt = false;
  #coverage = (stryker.mutantCoverage = new Coverage());

  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    process.env.NODE_ENV = 'test';
    process.env.VITEST = '1';
    // One counterexample is enough to kill a mutant. With one seed, each run kills the same
    // mutants.
    configureGlobal({ endOnFailure: true, seed: 1 });
    register('./hooks.mjs', import.meta.url, { data: { copy: process.cwd() } });
    this.#suites = await import('./suites.mjs');
    await this.#load();
  }

  async dryRun() {
    const results = [];
    const costs = {};
    for (const test of this.#tests.values()) {
      const begun = performance.now();
      this.#coverage.begin(Infinity);
      stryker.currentTestId = test.id;
      const failure = await this.#suites.runTest(test);
      stryker.currentTestId = undefined;
      const timeSpentMs = performance.now() - begun;
      const { id, name, file: fileName } = test;
      costs[id] = { ms: timeSpentMs, passed: this.#coverage.passed };
      results.push({ id, name, fileName, timeSpentMs, ...outcome(failure) });
    }
    writeFileSync(COSTS, JSON.stringify(costs));
    return { status: 'complete', tests: results, mutantCoverage: this.#coverage.toJSON() };
  }

  async mutantRun(options) {
    const first = await this.#try(options);
    if (first.status !== 'killed' || !this.#isSpoilt || options.reloadEnvironment) return first;
    return this.#try(options);
  }

  async #try({ activeMutant, testFilter, reloadEnvironment, sandboxFileName }) {
    try {
      if (reloadEnvironment) await this.#load(activeMutant.id);
      else if (this.#isSpoilt) await this.#load();
    } catch (error) {
      // With this mutant, the tests cannot be loaded.
      this.#isSpoilt = true;
      return { status: 'killed', killedBy: [], failureMessage: String(error), nrOfTests: 0 };
    }
    const wanted = testFilter ? new Set(testFilter) : undefined;
    const tests = [...this.#tests.values()].filter(({ id }) => wanted?.has(id) ?? true);
    let ran = 0;
    for (const test of this.#quickFirst(tests, sandboxFileName)) {
      ran++;
      const failure = await this.#runWith(activeMutant.id, test);
      if (this.#coverage.isOverLimit) {
        this.#isSpoilt = true;
        return { status: 'timeout', reason: `${test.id} has no end` };
      }
      if (failure === undefined) continue;
      this.#kills.set(test.id, (this.#kills.get(test.id) ?? 0) + 1);
      this.#isSpoilt ||= (await this.#runWith(undefined, test)) !== undefined;
      const failureMessage = String(failure.message ?? failure);
      return { status: 'killed', killedBy: [test.id], failureMessage, nrOfTests: ran };
    }
    return { status: 'survived', nrOfTests: ran };
  }

  async #runWith(mutant, test) {
    const { passed } = this.#costs?.[test.id] ?? { passed: Infinity };
    this.#coverage.begin(20 * passed + 100_000);
    stryker.activeMutant = mutant;
    try {
      return await this.#suites.runTest(test);
    } finally {
      stryker.activeMutant = undefined;
    }
  }

  /**
   * Sorts the tests. The first ones are quick, belong to the mutant's file, or have killed many
   * mutants.
   */
  #quickFirst(tests, mutated) {
    if (!this.#costs && existsSync(COSTS)) this.#costs = JSON.parse(readFileSync(COSTS, 'utf8'));
    const own = `/${basename(mutated, '.ts')}.test.ts`;
    const cost = ({ id, file }) => {
      const share = file.endsWith(own) ? 0.1 : 1;
      return (share * (this.#costs?.[id].ms ?? 0)) / (1 + 3 * (this.#kills.get(id) ?? 0));
    };
    return tests.toSorted((a, b) => cost(a) - cost(b));
  }

  /** Loads everything, or loads it again. `mutant` is active during the load. */
  async #load(mutant) {
    this.#version++;
    this.#isSpoilt = mutant !== undefined;
    this.#coverage.begin(Infinity);
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
