/**
 * Replaces vitest for the tests. It stores the tests, and runs a single test as often as needed
 * without loading the test again. `expect` and `vi` are vitest's own.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const vitest = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'));
const inner = (name) => import(pathToFileURL(vitest.resolve(name)).href);
const jest = await inner('@vitest/expect');
const spy = await inner('@vitest/spy');

const { chai } = jest;
chai.use(jest.JestExtend);
chai.use(jest.JestChaiExpect);
chai.use(jest.JestAsymmetricMatchers);

export const expect = (value, message) => chai.expect(value, message);
Object.assign(expect, chai.expect, globalThis[jest.ASYMMETRIC_MATCHERS_OBJECT]);
expect.getState = () => jest.getState(expect);
expect.setState = (state) => jest.setState(state, expect);
jest.setState({ assertionCalls: 0, isExpectingAssertions: false }, expect);
globalThis[jest.GLOBAL_EXPECT] = expect;

const globals = new Map();

export const vi = {
  fn: spy.fn,
  spyOn: spy.spyOn,
  restoreAllMocks: spy.restoreAllMocks,
  stubGlobal(name, value) {
    if (!globals.has(name)) globals.set(name, Object.getOwnPropertyDescriptor(globalThis, name));
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  },
  unstubAllGlobals() {
    for (const [name, before] of globals) {
      if (before) Object.defineProperty(globalThis, name, before);
      else delete globalThis[name];
    }
    globals.clear();
  },
};

/** The tests by `id`: `{ id, file, name, run, suite }`. */
let tests = new Map();
let file = '';
let suite = newSuite('', undefined);

/** Loads test files with `load`, one after the other. @returns their tests, by ID */
export async function collect(files, load) {
  tests = new Map();
  for (const each of files) {
    file = each;
    suite = newSuite('', undefined);
    await load(each);
  }
  return tests;
}

/** Runs a test with its hooks. @returns the error, or undefined if it passed */
export async function runTest(test) {
  const suites = [];
  for (let at = test.suite; at; at = at.parent) suites.unshift(at);
  try {
    for (const each of suites) {
      each.ready ??= (async () => {
        for (const hook of each.beforeAll) await hook();
      })();
      await each.ready;
    }
    for (const each of suites) for (const hook of each.beforeEach) await hook();
    await test.run({});
    return undefined;
  } catch (error) {
    return error ?? new Error('failed');
  } finally {
    for (const each of suites.toReversed()) for (const hook of each.afterEach) await hook();
    spy.restoreAllMocks();
  }
}

export function describe(name, ...rest) {
  const body = rest.find((each) => typeof each === 'function');
  const outer = suite;
  suite = newSuite(`${outer.name}${String(name?.name ?? name)} > `, outer);
  const done = body?.();
  if (done instanceof Promise) throw new Error(`${file}: describe is asynchronous`);
  suite = outer;
}

export function it(name, ...rest) {
  const run = rest.find((each) => typeof each === 'function');
  const base = `${file}#${suite.name}${String(name?.name ?? name)}`;
  let id = base;
  for (let i = 2; tests.has(id); i++) id = `${base} (${i})`;
  tests.set(id, { id, file, name: id, run, suite });
}

describe.each =
  (rows) =>
  (name, ...rest) =>
    forEach(rows, name, rest, describe);
it.each =
  (rows) =>
  (name, ...rest) =>
    forEach(rows, name, rest, it);
const skipped = () => {};
skipped.each = () => skipped;
for (const kind of [describe, it]) {
  kind.skip = skipped;
  kind.skipIf = (condition) => (condition ? skipped : kind);
  kind.runIf = (condition) => (condition ? kind : skipped);
}
export const test = it;

export const beforeAll = (hook) => void suite.beforeAll.push(hook);
export const beforeEach = (hook) => void suite.beforeEach.push(hook);
export const afterEach = (hook) => void suite.afterEach.push(hook);
/** Never called: the process ends after the tests. */
export const afterAll = () => {};

function forEach(rows, name, rest, kind) {
  const body = rest.find((each) => typeof each === 'function');
  rows.forEach((row, i) => {
    kind(`${name} [${i}]`, () => (Array.isArray(row) ? body(...row) : body(row)));
  });
}

function newSuite(name, parent) {
  return { name, parent, beforeAll: [], beforeEach: [], afterEach: [], ready: undefined };
}
