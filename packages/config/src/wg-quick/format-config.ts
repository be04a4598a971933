/**
 * `formatConfig`: turns a `WgQuickConfig` into the text of a wg-quick file.
 *
 * @module
 */
import {
  checkArray,
  checkObject,
  quote,
  readPublicKey,
  wipe,
  withinField,
} from '@litz/core/internals';
import type { InterfaceSection, PeerSection, WgQuickConfig, WgQuickInput } from './config.ts';
import { fieldOf, INTERFACE_FIELDS, PEER_FIELDS, type Field } from './fields.ts';
import { emptyInterface } from './parse-config.ts';
import {
  contentOf,
  headerName,
  joinFieldLine,
  parseFieldLine,
  type FieldLine,
} from './source-lines.ts';
import { sourceOf, type SourcePart } from './sources.ts';

/**
 * Returns the text of a config. If `parseConfig` made the config, the result is the original text,
 * with only the changed fields rewritten. Comments, order and spacing stay. For any other config,
 * the text has the usual form.
 *
 * @example
 *
 * ```ts
 * import { formatConfig, parseConfig } from '@litz/config';
 *
 * const config = parseConfig('[Interface]\n');
 * config.interface.mtu = 1420;
 * console.log(formatConfig(config).trimEnd().split('\n').at(-1)); //=> MTU = 1420
 * ```
 *
 * @throws {TypeError | RangeError | WireGuardError} a field has a wrong type or is out of range;
 *   the message names it
 */
export function formatConfig(input: WgQuickInput): string {
  checkConfig(input);
  // The fields may contain text or typed values; both can be written.
  const config = input as WgQuickConfig;
  const parts = sourceOf(config);
  return parts ? formatEdited(config, parts) : formatNew(config);
}

/** Checks all fields before any of them is written. */
export function checkConfig(config: WgQuickInput): void {
  checkObject(config, 'config', ['interface', 'peers']);
  checkSection(
    INTERFACE_FIELDS,
    config.interface as InterfaceSection,
    'interface',
    INTERFACE_NAMES,
  );
  checkArray(config.peers, 'peers');
  config.peers.forEach((peer, i) => {
    checkSection(PEER_FIELDS, peer as PeerSection, `peers[${i}]`, PEER_NAMES);
    readPublicKey(peer.publicKey, `peers[${i}].publicKey`);
  });
}

function checkSection<Section>(
  fields: readonly Field<Section>[],
  section: Section,
  name: string,
  known: readonly string[],
): void {
  checkObject(section, name, known);
  try {
    for (const field of fields) for (const value of field.write(section)) checkValue(value);
  } catch (error) {
    throw withinField(error, name);
  }
}

/** Refuses a value with a character that would begin a comment or a new line in the file. */
function checkValue(value: string): void {
  // oxlint-disable-next-line no-control-regex -- a NUL is what it looks for
  if (!/[\0\n\r#]/.test(value)) return;
  throw new TypeError(`expected text that fits into a line, got ${quote(value)}`);
}

function formatNew(config: WgQuickConfig): string {
  const sections = [
    newSection('Interface', INTERFACE_FIELDS, config.interface),
    ...config.peers.map((peer) => newSection('Peer', PEER_FIELDS, peer)),
  ];
  return `${sections.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function newSection<Section>(
  header: string,
  fields: readonly Field<Section>[],
  section: Section,
): string[] {
  return [`[${header}]`, ...fields.flatMap((field) => newLines(field, section, ''))];
}

function newLines<Section>(field: Field<Section>, section: Section, ending: string): string[] {
  return field.write(section).map((value) => `${field.name} = ${value}${ending}`);
}

/**
 * Returns the parts of the file in their order, without removed peers. New peers come at the end.
 */
function formatEdited(config: WgQuickConfig, parts: readonly SourcePart[]): string {
  const ending = parts.some(({ lines }) => lines[0]?.endsWith('\r') === true) ? '\r' : '';
  const known = new Map(parts.map((part) => [part.section, part]));
  const lines: string[] = [];
  const hasInterface = parts.some(({ section }) => section === config.interface);
  const isEmpty = newSection('', INTERFACE_FIELDS, config.interface).length === 1;
  if (!hasInterface && !isEmpty) {
    lines.push(...newSection('Interface', INTERFACE_FIELDS, config.interface), '');
  }
  const interfaceParts = editedInterface(config, parts, ending);
  for (const part of parts) {
    lines.push(...(interfaceParts.get(part) ?? editedPart(config, part, ending)));
  }
  for (const peer of config.peers) {
    if (!known.has(peer)) appendSection(lines, newSection('Peer', PEER_FIELDS, peer), ending);
  }
  // The last line feed may have been removed with the last peer. Then it is added again.
  if (parts.at(-1)?.lines.at(-1) === '' && lines.at(-1) !== '') lines.push('');
  return lines.join('\n');
}

/**
 * Returns the lines of each [Interface] section. All these sections set fields of the same
 * interface, so they are edited together.
 */
function editedInterface(
  config: WgQuickConfig,
  parts: readonly SourcePart[],
  ending: string,
): Map<SourcePart, readonly string[]> {
  const section = config.interface;
  const own = parts.filter((part) => part.section === section);
  const edited = editedSection(INTERFACE_FIELDS, section, emptyInterface(), own, ending);
  return new Map(own.map((part, i) => [part, edited[i] ?? []]));
}

function editedPart(config: WgQuickConfig, part: SourcePart, ending: string): readonly string[] {
  const { section, lines } = part;
  if (section === undefined) return lines;
  const peer = config.peers.find((candidate) => candidate === section);
  if (!peer) return [];
  const before = { allowedIps: [] } as unknown as PeerSection;
  return editedSection(PEER_FIELDS, peer, before, [part], ending)[0] ?? [];
}

/**
 * Returns the edited lines of each part.
 *
 * @param before an empty section; the lines are read into it, to find the fields that have changed
 */
function editedSection<Section extends InterfaceSection | PeerSection>(
  fields: readonly Field<Section>[],
  section: Section,
  before: Section,
  parts: readonly SourcePart[],
  ending: string,
): string[][] {
  let edited = parts.flatMap(({ lines }, part) =>
    lines.map((text): EditedLine<Section> => ({ text, part, ...fieldLineOf(fields, text) })),
  );
  for (const { field, line } of edited) if (line) field?.read(before, line.value);
  const changed = fields.filter((field) => !sameValues(field.write(before), field.write(section)));
  for (const field of changed) edited = rewriteField(field, section, edited, ending);
  wipe('privateKey' in before ? before.privateKey : undefined);
  wipe('presharedKey' in before ? before.presharedKey : undefined);
  return parts.map((_, part) =>
    edited.filter((line) => line.part === part).map(({ text }) => text),
  );
}

interface EditedLine<Section> {
  text: string;
  /** Index of the part that contains the line. */
  part: number;
  field?: Field<Section>;
  line?: FieldLine;
}

/**
 * Puts the new values in the place of the field's first line, and removes its other lines. A field
 * without a line comes at the end of the section.
 */
function rewriteField<Section>(
  field: Field<Section>,
  section: Section,
  lines: readonly EditedLine<Section>[],
  ending: string,
): EditedLine<Section>[] {
  const values = field.write(section);
  const first = lines.findIndex((line) => line.field === field);
  const rest = lines.filter((line, index) => line.field !== field || index === first);
  const model = lines[first]?.line;
  const texts = model
    ? values.map((value, i) => joinFieldLine({ ...model, value, ...(i > 0 && { after: ending }) }))
    : newLines(field, section, ending);
  const lastContent = rest.findLastIndex(({ text }) => contentOf(text) !== undefined);
  const part = rest[model ? first : lastContent]?.part ?? 0;
  const added = texts.map((text) => ({ text, part, ...fieldLineOf([field], text) }));
  if (model) return rest.toSpliced(first, 1, ...added);
  return rest.toSpliced(lastContent + 1, 0, ...added);
}

function fieldLineOf<Section>(
  fields: readonly Field<Section>[],
  text: string,
): { field: Field<Section>; line: FieldLine } | undefined {
  if (contentOf(text) === undefined || headerName(text) !== undefined) return undefined;
  const line = parseFieldLine(text);
  const field = line && fieldOf(fields, line.key);
  return line && field ? { field, line } : undefined;
}

/** Appends a section with an empty line before it, and a line feed at the end of the file. */
function appendSection(lines: string[], section: readonly string[], ending: string): void {
  while (lines.length > 0 && lines.at(-1)?.trim() === '') lines.pop();
  if (lines.length > 0) {
    const last = lines.pop() ?? '';
    lines.push(last.endsWith('\r') ? last : `${last}${ending}`, ending);
  }
  lines.push(...section.map((line) => `${line}${ending}`), '');
}

function sameValues(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

const INTERFACE_NAMES: readonly (keyof InterfaceSection)[] = [
  'privateKey',
  'listenPort',
  'fwmark',
  'addresses',
  'dns',
  'mtu',
  'table',
  'preUp',
  'postUp',
  'preDown',
  'postDown',
  'saveConfig',
];
const PEER_NAMES: readonly (keyof PeerSection)[] = [
  'publicKey',
  'presharedKey',
  'allowedIps',
  'incremental',
  'endpoint',
  'persistentKeepalive',
];
