/**
 * Checks the house rules of CONTRIBUTING.md in the sources of all packages. Exceptions have a name
 * and a reason here, or a comment `oxlint-disable... -- REASON` at their place.
 *
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasCode, readSource, rules, type Rule, type Source } from './house-rules.ts';
import { importsOf, sourceFiles } from './imports.ts';

const packages = join(import.meta.dirname, '../..');

/** Files without a test file of the same name: the folder or file, and the tests that cover it. */
const TESTED_TOGETHER: Record<string, string> = {
  'bench/src': 'a benchmark prints figures that no test can know: `bench quick` runs its parts',
  'cli/src/main.ts': 'two lines: tests of the built command start it as a process',
  'cli/src/commands/agent': 'agent.net.test.ts runs the commands',
  'cli/src/commands/proxy': 'proxy.net.test.ts runs the command',
  'cli/src/doctor': 'doctor.net.test.ts makes each fault and runs the command',
  'cli/src/mesh-demo': 'mesh-demo.net.test.ts runs the demo and reads what it prints',
  'cli/src/metrics': 'metrics.net.test.ts reads the metrics of a daemon',
  'cli/src/show': 'show.net.test.ts compares what it prints with wg',
  'cli/src/tunnel': 'tunnel-commands.net.test.ts runs its parts beside wg-quick',
  'core/src/hand-over': 'hand-over.test.ts saves and restores whole engines',
  'device/src/hand-over': 'upgrade.net.test.ts of cli runs both ends',
  'device/src/linux/clock.ts': 'only system calls: every `*.net.test.ts` of device uses it',
  'device/src/linux/cipher-worker.ts':
    'the entry of a thread: cipher-workers.test.ts and some `*.net.test.ts` run it',
  'device/src/linux/linux-worker.ts':
    'the entry of a thread: every `*.net.test.ts` of device runs it',
  'device/src/quick': 'the tests of `litz up` run each step in a network namespace',
  'mesh/src/agent': 'agent.test.ts runs the parts of an agent together, on simulated machines',
  'mesh/src/registry/etcd/grpc-stream.ts': 'the tests of the etcd registry run it against a server',
  'netstack/src/tcp':
    'tests with scripts of segments or simulated paths run the parts of a connection together',
  'openssl/src': 'these files together form one provider; the conformance suite tests it',
  'testkit/src': 'tools for tests: if a tool is wrong, the tests that use it fail',
  'tun/src/adopt-tun.ts': 'upgrade.net.test.ts of cli adopts the TUN of another process',
  'tun/src/readiness-worker.ts': 'the entry of a thread: each `*.net.test.ts` of TunStream runs it',
  'udp/src/adopt-udp.ts': 'upgrade.net.test.ts of cli adopts the sockets of another process',
};

/**
 * Names that Litz does not choose: those of Kubernetes, and of the classes of Node.js that Litz
 * imitates.
 */
const FOREIGN_NAMES = [
  'inControllerManager',
  'getConnections',
  'getRecvBufferSize',
  'getSendQueueSize',
  'getSendQueueCount',
];

const sources = readdirSync(packages)
  .flatMap((name) => sourceFiles(join(packages, name, 'src')))
  .filter((path) => !path.includes('/generated/'))
  .map((path) => ({ path, name: relative(packages, path), source: read(path) }));

describe('the sources', () => {
  test.each(Object.entries(rules))('keep the rule %s', (_name, rule) => {
    expect(violations(rule)).toEqual([]);
  });

  test('each have a test, or are parts of a source that has one', () => {
    expect(untested().filter((name) => exceptionOf(name) === undefined)).toEqual([]);
  });

  test('need each listed exception', () => {
    const needed = new Set(untested().map(exceptionOf));
    expect(Object.keys(TESTED_TOGETHER).filter((path) => !needed.has(path))).toEqual([]);
  });

  test('give a reason where they switch off a rule of oxlint', () => {
    const unexplained = sources.flatMap(({ name, source }) =>
      source.comments
        .filter(({ value }) => /oxlint-disable/.test(value) && !/ --\s+\S/.test(value))
        .map(({ loc }) => `${name}:${loc.start.line}`),
    );
    expect(unexplained).toEqual([]);
  });
});

describe('a rule', () => {
  const block = '/** `good`: a part.\n *\n * @module\n */\n';

  test.each<[rule: keyof typeof rules, bad: string, good: string]>([
    ['opensWithModuleBlock', '/** A part. */\nexport {};', `${block}export {};`],
    ['documentsExports', `${block}export class Bad {}`, `${block}export function good() {}`],
    ['documentsExports', 'export function f() {}', '/** Does it. */\nexport function f() {}'],
    ['putsConstantsLast', 'const A = 1;\nfunction f() {}', 'function f() {}\nconst A = 1;'],
    [
      'putsConstantsLast',
      'const A = 1;\nclass B { a = A; }',
      'const A = 1;\nclass B { static a = A; }',
    ],
    [
      'putsConstantsLast',
      'const A = 1;\nfunction f() {}',
      'const A = 1;\nfunction f() {}\nif (A) f();',
    ],
    [
      'putsExportsFirst',
      'function f() {}\nexport class A {}',
      'export class A {}\nfunction f() {}',
    ],
    [
      'putsExportsFirst',
      'class B {}\nexport class A {}',
      'class B {}\nexport class A extends B {}',
    ],
    ['ordersImports', "import './a.ts';\nimport 'node:fs';", "import 'node:fs';\nimport './a.ts';"],
    ['usesPrivateFields', 'class A { private b = 1; }', 'class A { private constructor() {} }'],
    ['namesThings', 'class PeerManager {}', 'class Peers {}'],
    ['namesThings', 'class A { getPeer() {} }', 'class A { get peer() {} }'],
    ['namesThings', 'interface IPeer {}', 'interface IPv4 {}'],
    ['wrapsComments', `// ${'a'.repeat(98)}`, `// ${'a'.repeat(97)}`],
  ])('%s fails on %j, and not on %j', (name, bad, good) => {
    const rule = rules[name];
    expect(rule(readSource(bad))).toHaveLength(1);
    expect(rule(readSource(good))).toEqual([]);
  });
});

function read(path: string): Source {
  return readSource(readFileSync(path, 'utf8'));
}

function violations(rule: Rule): string[] {
  return sources
    .flatMap(({ name, source }) => rule(source).map((text) => `${name}:${text}`))
    .filter((text) => !FOREIGN_NAMES.some((name) => text.endsWith(name)));
}

/** Returns the sources with code that have no test, and are imported by no source with a test. */
function untested(): string[] {
  const imported = new Set(testFiles().flatMap(localImports));
  const tested = new Set(
    sources.filter(({ path }) => hasOwnTest(path) || imported.has(path)).map(({ path }) => path),
  );
  // An index.ts imports every source, so what it imports does not count as a part of it.
  const users = [...tested].filter((path) => basename(path) !== 'index.ts');
  const parts = new Set(users.flatMap(localImports));
  return sources
    .filter(({ path, source }) => hasCode(source) && !tested.has(path) && !parts.has(path))
    .map(({ name }) => name);
}

function testFiles(): string[] {
  return readdirSync(packages).flatMap((name) => sourceFiles(join(packages, name, 'test')));
}

function localImports(path: string): string[] {
  return importsOf(readFileSync(path, 'utf8'))
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => join(dirname(path), specifier));
}

/** Returns whether `src/a/b.ts` has a `test/a/b.test.ts`, `test/a/b.net.test.ts` or the like. */
function hasOwnTest(path: string): boolean {
  const place = path.replace('/src/', '/test/');
  const name = basename(place, '.ts');
  return (
    existsSync(dirname(place)) &&
    readdirSync(dirname(place)).some(
      (file) => file.startsWith(`${name}.`) && file.endsWith('.test.ts'),
    )
  );
}

function exceptionOf(name: string): string | undefined {
  return Object.keys(TESTED_TOGETHER).find((path) => name === path || name.startsWith(`${path}/`));
}
