/**
 * Makes the copy of the checkout that is mutated. The copy has the packages that the tests need,
 * and links to the installed dependencies. Links between packages are relative, so that each
 * package of the copy finds the other packages of the copy.
 *
 * In mutated files, each statement that is a call or an assignment gets its own braces. Stryker
 * does not leave out statements, but it empties blocks, so with the braces it also leaves out these
 * statements. This shows whether a test notices a missing wipe or reset. The braces do not change
 * the line numbers.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from '@babel/parser';

const PACKAGES = /^packages\/(core|config|device|testkit|tun|udp|sys|openssl|wasm)\//;
const BESIDE = /^(test-vectors\/|[^/]+\.(json|ts|yaml)$)/;

/** @returns the files of the copy that are to be mutated */
export function copyCheckout(root, copy, patterns) {
  rmSync(copy, { recursive: true, force: true });
  const files = filesIn(root).filter((file) => PACKAGES.test(file) || BESIDE.test(file));
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file));
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const name of readdirSync(join(copy, 'packages'))) {
    const installed = join(root, 'packages', name, 'node_modules');
    if (existsSync(installed)) symlinkSync(installed, join(copy, 'packages', name, 'node_modules'));
  }
  const mutated = filesOf(root, patterns);
  for (const file of mutated) {
    const path = join(copy, file);
    writeFileSync(path, inBraces(readFileSync(path, 'utf8')));
  }
  return mutated;
}

/** @returns the files of a checkout that are to be mutated */
export function filesOf(root, patterns) {
  const without = patterns.filter((pattern) => pattern.startsWith('!'));
  return filesIn(root).filter(
    (file) =>
      patterns.some((pattern) => matches(pattern, file)) &&
      !without.some((pattern) => matches(pattern.slice(1), file)),
  );
}

/** Returns the files that git tracks, and new files that git does not ignore. */
function filesIn(root) {
  return execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })
    .toString()
    .split('\n')
    .filter((file) => file !== '' && existsSync(join(root, file)));
}

/**
 * Returns whether a path matches a pattern. `*` stands for any part of a name, `{a,b}` for one of
 * these names, and `!(a|b)` for any other name. None of the three matches a slash.
 */
export function matches(pattern, file) {
  const source = pattern
    .replaceAll(/[.+^$]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll(/\{([^}]*)\}/g, (_, names) => `(?:${names.replaceAll(',', '|')})`)
    .replace(/!(\([^)]*\))(.*)/, (_, names, rest) => `(?!${names}${rest}$)[^/]*${rest}`);
  return new RegExp(`^${source}$`).test(file);
}

/** Returns the text with braces around statements that can be left out. */
export function inBraces(source) {
  const { program } = parse(source, { sourceType: 'module', plugins: ['typescript'] });
  const places = [];
  walk(program, false, (statement) => places.push([statement.start, '{ '], [statement.end, ' }']));
  let text = source;
  for (const [at, brace] of places.toSorted(([a], [b]) => b - a)) {
    text = text.slice(0, at) + brace + text.slice(at);
  }
  return text;
}

function walk(node, isConstructor, found) {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, isConstructor, found);
    return;
  }
  if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
  const inConstructor = node.type === 'ClassMethod' ? node.kind === 'constructor' : isConstructor;
  // A block with one statement needs no braces: Stryker empties the block.
  if (node.type === 'BlockStatement' && node.body.length > 1)
    wrapAll(node.body, inConstructor, found);
  if (node.type === 'SwitchCase') wrapAll(node.consequent, inConstructor, found);
  for (const [key, child] of Object.entries(node)) {
    if (key !== 'loc' && typeof child === 'object') walk(child, inConstructor, found);
  }
}

function wrapAll(statements, inConstructor, found) {
  for (const statement of statements) {
    if (statement.type === 'ExpressionStatement' && isOptional(statement, inConstructor)) {
      found(statement);
    }
  }
}

function isOptional({ expression }, inConstructor) {
  if (expression.type === 'AssignmentExpression') {
    // The compiler already finds a missing first assignment of a field.
    return expression.operator === '=' && !inConstructor;
  }
  if (!/^(Optional)?CallExpression$/.test(expression.type)) return false;
  return expression.callee.type !== 'Super';
}
