/**
 * The house rules of CONTRIBUTING.md that a syntax tree can show. Each rule is a function from a
 * source file to its violations. oxlint checks the other rules: lengths, parameters, names.
 *
 * @module
 */
import { parse } from '@babel/parser';

/** A node of Babel's syntax tree. Only the fields that the rules read are typed. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly loc: { readonly start: { readonly line: number } };
  readonly leadingComments?: readonly Comment[];
  readonly [field: string]: any;
}

export interface Source {
  readonly text: string;
  readonly body: readonly Node[];
  readonly comments: readonly Comment[];
}

interface Comment {
  readonly type: 'CommentBlock' | 'CommentLine';
  readonly value: string;
  readonly loc: { readonly start: { readonly line: number } };
}

/** Returns the violations of one rule, as `LINE: WHAT`. */
export type Rule = (source: Source) => string[];

export function readSource(text: string): Source {
  const { program, comments } = parse(text, {
    sourceType: 'module',
    plugins: ['typescript', 'explicitResourceManagement'],
  });
  return {
    text,
    body: program.body as unknown as Node[],
    comments: (comments ?? []) as unknown as Comment[],
  };
}

/** Returns whether a file has code that can run: more than types and re-exports. */
export function hasCode({ body }: Source): boolean {
  return body.some((node) => {
    if (/^(?:Import|ExportAll)/.test(node.type)) return false;
    if (node.type === 'ExportNamedDeclaration' && !node['declaration']) return false;
    return !declarationOf(node).type.startsWith('TS');
  });
}

/** A file opens with a doc block that ends with `@module`. */
function opensWithModuleBlock({ text, comments }: Source): string[] {
  const [first] = comments;
  const opens = text.replace(/^#!.*\n/, '').startsWith('/**');
  const isModule = first !== undefined && /^\*[^@]*\S[\s\S]*@module\s*$/.test(first.value);
  return opens && isModule
    ? []
    : ['1: the file does not open with a doc block that ends with @module'];
}

/** An exported function, class or constant has a doc block, or the block of the file names it. */
function documentsExports({ body, comments }: Source): string[] {
  const block = comments[0]?.value ?? '';
  const named = (name: string): boolean => new RegExp(`\`(?:new )?${name}\\b`).test(block);
  return body
    .filter(({ type, declaration }) => type === 'ExportNamedDeclaration' && declaration)
    .filter(({ declaration }) => /^(?:Function|Class|Variable)/.test(declaration.type))
    .filter(({ leadingComments }) => !(leadingComments ?? []).some(isDocBlock))
    .filter((node) => !namesOf(node).every(named))
    .map((node) => `${node.loc.start.line}: ${namesOf(node).join(', ')} has no doc block`);
}

/**
 * Constants come after all functions and classes. There are three exceptions: exported constants,
 * constants that are read while the module is loaded, and the constants of a file with statements,
 * such as a program.
 */
function putsConstantsLast({ body }: Source): string[] {
  if (body.some(isStatement)) return [];
  const last = body.findLastIndex(isCode);
  return body
    .slice(0, Math.max(0, last))
    .filter((node) => node.type === 'VariableDeclaration')
    .filter((node) => namesOf(node).every((name) => /^[A-Z][A-Z0-9_]*$/.test(name)))
    .filter((node) => !isNeededAtOnce(node, body))
    .map(
      (node) => `${node.loc.start.line}: ${namesOf(node).join(', ')} is above a function or class`,
    );
}

/** No function or class that is not exported comes before an exported one. */
function putsExportsFirst({ body }: Source): string[] {
  const last = body.findLastIndex((node) => isExport(node) && isCode(node));
  return body
    .slice(0, Math.max(0, last))
    .filter((node) => !isExport(node) && isCode(node) && !isNeededAtOnce(node, body))
    .map(
      (node) =>
        `${node.loc.start.line}: ${namesOf(node).join(', ')} is above an exported function or class`,
    );
}

/** `node:` imports first, then packages, then local ones. */
function ordersImports({ body }: Source): string[] {
  const imports = body.filter(({ type }) => type === 'ImportDeclaration');
  return imports
    .filter((node, i) => i > 0 && rank(node) < rank(imports[i - 1]))
    .map((node) => `${node.loc.start.line}: the import of ${node['source'].value} is too low`);
}

/** Private fields and methods begin with `#`. Keywords like `private` are for constructors only. */
function usesPrivateFields({ body }: Source): string[] {
  return body
    .map(declarationOf)
    .filter(({ type }) => type === 'ClassDeclaration')
    .flatMap((node) => node['body'].body as Node[])
    .filter(({ accessibility, kind }) => accessibility && kind !== 'constructor')
    .map(
      (node) => `${node.loc.start.line}: ${node['key'].name} has a keyword for its accessibility`,
    );
}

/**
 * No name ends with Manager, Helper or Util, or begins with `get`. No name begins with an I that
 * stands for "interface", as in `IPeer`.
 */
function namesThings({ body }: Source): string[] {
  return body.flatMap((node) => {
    const inner = declarationOf(node);
    const members: Node[] = inner.type === 'ClassDeclaration' ? inner['body'].body : [];
    const methods = members
      .filter(({ type }) => type.endsWith('Method'))
      .map((member) => ({
        name: String(member['key'].name ?? member['key'].id?.name),
        node: member,
      }));
    return [...namesOf(node).map((name) => ({ name, node })), ...methods]
      .filter(({ name }) => /(?:Manager|Helper|Util)s?$|^get[A-Z]|^I(?!Pv)[A-Z][a-z]/.test(name))
      .map(({ name, node: named }) => `${named.loc.start.line}: ${name}`);
  });
}

/** Comments end at column 100, except lines with a link, which cannot be wrapped. */
function wrapsComments({ text, comments }: Source): string[] {
  const lines = text.split('\n');
  return comments.flatMap(({ value, loc }) =>
    value
      .split('\n')
      .map((_, i) => loc.start.line + i)
      .filter((line) => lines[line - 1].length > 100 && !/https?:\/\//.test(lines[line - 1]))
      .map((line) => `${line}: the comment is longer than 100 columns`),
  );
}

function isExport({ type }: Node): boolean {
  return type === 'ExportNamedDeclaration';
}

/** Returns the place of an import among the others: `node:` first, local ones last. */
function rank({ source }: Node): number {
  if (source.value.startsWith('node:')) return 0;
  return source.value.startsWith('.') ? 2 : 1;
}

function isDocBlock({ type, value }: Comment): boolean {
  return type === 'CommentBlock' && value.startsWith('*') && !/@module\s*$/.test(value);
}

function declarationOf(node: Node): Node {
  return (node['declaration'] as Node | undefined | null) ?? node;
}

function namesOf(node: Node): string[] {
  const inner = declarationOf(node);
  if (inner.type !== 'VariableDeclaration') return inner['id'] ? [inner['id'].name] : [];
  return inner['declarations'].map(({ id }: Node) => id.name ?? 'a pattern');
}

function isCode(node: Node): boolean {
  return /^(?:Function|Class)/.test(declarationOf(node).type);
}

function isStatement({ type }: Node): boolean {
  return type.endsWith('Statement');
}

/**
 * Returns whether the code between a declaration and the end of the last function or class reads
 * this declaration while the module is loaded.
 */
function isNeededAtOnce(node: Node, body: readonly Node[]): boolean {
  const names = new Set(namesOf(node));
  return body
    .slice(body.indexOf(node) + 1, body.findLastIndex(isCode) + 1)
    .some((later) => readsAtOnce(declarationOf(later), names));
}

function readsAtOnce(node: unknown, names: ReadonlySet<string>): boolean {
  if (Array.isArray(node)) return node.some((item) => readsAtOnce(item, names));
  if (node === null || typeof node !== 'object' || !('type' in node)) return false;
  const { type } = node as Node;
  if (type.startsWith('TS') || /Function|Method/.test(type)) return false;
  if (type === 'Identifier') return names.has((node as Node)['name']);
  if (/^Class(?:Private)?Property$/.test(type) && !(node as Node)['static']) return false;
  return Object.entries(node).some(
    ([field, value]) => field !== 'leadingComments' && field !== 'loc' && readsAtOnce(value, names),
  );
}

/** The rules by their names. */
export const rules = {
  opensWithModuleBlock,
  documentsExports,
  putsConstantsLast,
  putsExportsFirst,
  ordersImports,
  usesPrivateFields,
  namesThings,
  wrapsComments,
} satisfies Record<string, Rule>;
