/**
 * `parseConfig`: turns the text of a wg-quick file into a `WgQuickConfig`.
 *
 * @module
 */
import { checkObject, requireText } from '@litz/core/internals';
import { wipeSecrets } from '../device-change.ts';
import type { InterfaceSection, PeerSection, WgQuickConfig } from './config.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { fieldOf, INTERFACE_FIELDS, PEER_FIELDS, type Field } from './fields.ts';
import {
  contentOf,
  headerName,
  parseFieldLine,
  splitSections,
  type SectionSource,
} from './source-lines.ts';
import { rememberSource } from './sources.ts';

/**
 * Parses the text of a wg-quick file. It accepts the syntax of wg-quick and `wg`: field names in
 * any case, comments with `#`, lists with commas or on several lines, empty values for fields of
 * wg-quick. It refuses a leading zero in MTU and Table. `formatConfig` returns the same text again,
 * or a text that differs where the config was changed.
 *
 * The private and preshared keys of the config are copies; wipe them with `wipeSecrets` after use.
 *
 * @example
 *
 * ```ts
 * import { formatConfig, parseConfig } from '@litz/config';
 *
 * const config = parseConfig('[Interface]\nListenPort = 51820 # ours', { file: 'wg0.conf' });
 * config.interface.listenPort = 51821;
 * console.log(formatConfig(config).split('\n')[1]); //=> ListenPort = 51821 # ours
 * ```
 *
 * @param options.file name of the file, for errors; the file is not read
 * @throws {ConfigError} `ERR_LITZ_INVALID_CONFIG` with all mistakes; it never contains a key
 */
export function parseConfig(text: string, options: { file?: string } = {}): WgQuickConfig {
  requireText(text, 'text');
  checkObject(options, 'options', ['file']);
  const reader = new Reader(options.file ?? 'config');
  const sections = splitSections(text);
  for (const section of sections) reader.read(section);
  if (reader.problems.length > 0) {
    wipeSecrets({ ...reader.config.interface, peers: reader.config.peers });
    throw new ConfigError(reader.problems);
  }
  rememberSource(reader.config, reader.sources);
  return reader.config;
}

/** Returns a section in which nothing is set. */
export function emptyInterface(): InterfaceSection {
  return { addresses: [], dns: [], preUp: [], postUp: [], preDown: [], postDown: [] };
}

/** Collects the sections, and their mistakes. */
class Reader {
  readonly config: WgQuickConfig = { interface: emptyInterface(), peers: [] };
  readonly problems: ConfigProblem[] = [];
  /** The lines of each section, in the order of the file. */
  readonly sources: { section: InterfaceSection | PeerSection | undefined; lines: string[] }[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  read(source: SectionSource): void {
    const { lines } = source;
    switch (source.name?.toLowerCase()) {
      case undefined:
        this.sources.push({ section: undefined, lines });
        this.#readFields({}, [], source);
        break;
      case 'interface':
        this.#readInterface(source);
        break;
      case 'peer':
        this.#readPeer(source);
        break;
      default:
        this.#addProblem(headerLine(source), undefined, 'expected [Interface] or [Peer]');
    }
  }

  /**
   * Reads an [Interface] section. If there are several, all of them set fields of the same
   * interface.
   */
  #readInterface(source: SectionSource): void {
    this.sources.push({ section: this.config.interface, lines: source.lines });
    this.#readFields(this.config.interface, INTERFACE_FIELDS, source);
  }

  #readPeer(source: SectionSource): void {
    // The public key comes from a line of the section. If there is no such line, `parseConfig`
    // throws.
    const peer = { allowedIps: [] } as unknown as PeerSection;
    this.config.peers.push(peer);
    this.sources.push({ section: peer, lines: source.lines });
    const before = this.problems.length;
    this.#readFields(peer, PEER_FIELDS, source);
    if ((peer.publicKey as unknown) === undefined && this.problems.length === before) {
      this.#addProblem(headerLine(source), 'PublicKey', 'expected in every [Peer], is missing');
    }
  }

  #readFields<Section>(
    section: Section,
    fields: readonly Field<Section>[],
    source: SectionSource,
  ): void {
    for (const [index, line] of source.lines.entries()) {
      const isField = contentOf(line) !== undefined && headerName(line) === undefined;
      if (isField) this.#readField(section, fields, line, source.firstLine + index, source.name);
    }
  }

  #readField<Section>(
    section: Section,
    fields: readonly Field<Section>[],
    line: string,
    number: number,
    header: string | undefined,
  ): void {
    const parsed = parseFieldLine(line);
    // The error does not contain the line, because the line may contain a key.
    if (!parsed) return this.#addProblem(number, undefined, 'expected KEY = VALUE');
    const field = fieldOf(fields, parsed.key);
    if (header === undefined) {
      return this.#addProblem(number, knownName(parsed.key), 'expected [Interface] before it');
    }
    if (!field)
      return this.#addProblem(number, knownName(parsed.key), `is not a field of [${header}]`);
    const problem = field.read(section, parsed.value);
    return problem === undefined ? undefined : this.#addProblem(number, field.name, problem);
  }

  #addProblem(line: number, field: string | undefined, message: string): void {
    this.problems.push({ file: this.#file, line, field, message });
  }
}

/**
 * Returns a name as the documentation spells it. An unknown name is returned as it is. But if an
 * unknown name could be a part of a WireGuard key, undefined is returned.
 */
function knownName(key: string): string | undefined {
  const known = fieldOf<never>([...INTERFACE_FIELDS, ...PEER_FIELDS] as Field<never>[], key);
  return known?.name ?? (/^[\w-]{1,30}$/.test(key) ? key : undefined);
}

function headerLine({ firstLine, lines }: SectionSource): number {
  return firstLine + lines.findIndex((line) => headerName(line) !== undefined);
}
