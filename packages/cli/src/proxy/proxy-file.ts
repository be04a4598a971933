/**
 * `readProxyFile`: reads a configuration file of wireproxy, or a plain wg-quick file.
 *
 * `[Interface]` and `[Peer]` are those of wg-quick; they may be in another file, which `WGConfig`
 * names. The other sections are wireproxy's. As in wireproxy, names are not case-sensitive, and a
 * value `$NAME` stands for an environment variable. A section or a field that this program does not
 * know is an error. If it were ignored, a proxy could be open although its file asks for a
 * password.
 *
 * @module
 */
import { formatAddress } from '@litz/core';
import { quote, tryParseAddress } from '@litz/core/internals';
import { Failure } from '../failure.ts';
import { iniLines, type IniLine } from './ini-lines.ts';
import { readSection } from './proxy-section.ts';
import type { Service } from './settings.ts';

/** The content of a file. */
export interface ProxyFile {
  /**
   * The text of `[Interface]` and `[Peer]`, for the parser of wg-quick files. The other lines are
   * empty, so that the line numbers are those of the file. Contains keys.
   */
  readonly tunnel: string;
  /** The file that `WGConfig` names; undefined: `[Interface]` and `[Peer]` are in this file. */
  readonly tunnelFile: string | undefined;
  readonly services: readonly Service[];
  readonly checkAlive: readonly string[];
  /** Undefined: not set. */
  readonly checkAliveMs: number | undefined;
}

/**
 * @param file the name of the file, for errors
 * @throws {Failure} lists all mistakes, with their lines; the message never contains a value that
 *   may be secret
 */
export function readProxyFile(text: string, file: string, env: NodeJS.ProcessEnv): ProxyFile {
  const reader = new Reader(file, env);
  const lines = text.split('\n');
  const tunnel = lines.map(() => '');
  for (const line of iniLines(text)) {
    if (reader.isTunnel(line)) tunnel[line.number - 1] = reader.tunnelLine(line);
    else reader.take(line);
  }
  return { ...reader.end(), tunnel: tunnel.join('\n') };
}

/** Collects the sections, and their mistakes. */
class Reader {
  readonly #file: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #problems: string[] = [];
  readonly #services: Service[] = [];
  #tunnelFile: string | undefined = undefined;
  #checkAlive: string[] = [];
  #checkAliveMs: number | undefined = undefined;
  /** The section of wireproxy that is being read, with the names of its fields in small letters. */
  #section: { name: string; number: number; fields: Map<string, string> } | undefined = undefined;

  constructor(file: string, env: NodeJS.ProcessEnv) {
    this.#file = file;
    this.#env = env;
  }

  /** Returns whether the parser of wg-quick files reads this line. */
  isTunnel({ section, key }: IniLine): boolean {
    const isTunnel = section === 'interface' || section === 'peer';
    return isTunnel && key !== 'checkalive' && key !== 'checkaliveinterval';
  }

  /** Returns the line. The name of an environment variable is replaced by its value. */
  tunnelLine(line: IniLine): string {
    this.#endSection();
    if (line.value?.startsWith('$') !== true) return line.raw;
    const value = this.#valueOf(line);
    return value === undefined ? '' : `${line.key} = ${value}`;
  }

  take(line: IniLine): void {
    const { section, key, number } = line;
    if (key === undefined) {
      if (line.header) {
        this.#endSection();
        this.#section = { name: section ?? '', number, fields: new Map() };
      } else this.#add(number, 'expected KEY = VALUE or [SECTION]');
      return;
    }
    const value = this.#valueOf(line);
    if (value === undefined) return;
    if (this.#section) {
      if (this.#section.fields.has(key)) this.#add(number, `${line.name} is there twice`);
      this.#section.fields.set(key, value);
    } else this.#readOutside(line, value);
  }

  /** @throws {Failure} there were mistakes */
  end(): Omit<ProxyFile, 'tunnel'> {
    this.#endSection();
    if (this.#checkAliveMs !== undefined && this.#checkAlive.length === 0) {
      this.#problems.push(`${this.#file}: CheckAliveInterval needs CheckAlive`);
    }
    if (this.#problems.length > 0) throw new Failure(this.#problems.join('\n'));
    return {
      tunnelFile: this.#tunnelFile,
      services: this.#services,
      checkAlive: this.#checkAlive,
      checkAliveMs: this.#checkAliveMs,
    };
  }

  /** Reads a field that is in no section of wireproxy. */
  #readOutside({ key, name, number, section }: IniLine, value: string): void {
    if (key === 'checkalive') return this.#readCheckAlive(number, value);
    if (key === 'checkaliveinterval') {
      const seconds = /^\d{1,5}$/.test(value) ? Number(value) : 0;
      if (seconds > 0) this.#checkAliveMs = seconds * 1000;
      else this.#add(number, `${name} expected seconds, got ${quote(value)}`);
      return undefined;
    }
    if (key === 'wgconfig' && section === undefined) this.#tunnelFile = value;
    else this.#add(number, `${name} must follow a [SECTION]`);
    return undefined;
  }

  #readCheckAlive(number: number, value: string): void {
    for (const text of value.split(',').map((part) => part.trim())) {
      const address = tryParseAddress(text);
      if (address) this.#checkAlive.push(formatAddress(address));
      else if (text !== '') this.#add(number, `CheckAlive expected addresses, got ${quote(text)}`);
    }
  }

  #endSection(): void {
    const section = this.#section;
    this.#section = undefined;
    if (!section) return;
    const { name, number, fields } = section;
    const origin = `${this.#file}:${number}: [${name}]`;
    const result = readSection(name, fields, origin);
    if (typeof result === 'string') this.#problems.push(`${origin}: ${result}`);
    else if (result) this.#services.push(result);
  }

  /** Returns the value of a line; undefined if its environment variable cannot be used. */
  #valueOf({ value = '', name, number }: IniLine): string | undefined {
    if (!value.startsWith('$')) return value;
    if (value.startsWith('$$')) return value.slice(1);
    const found = this.#env[value.slice(1)];
    if (found !== undefined && !/[\r\n]/.test(found)) return found;
    const fault = found === undefined ? 'is not set' : 'has more than one line';
    this.#add(number, `${name}: the environment variable ${quote(value.slice(1))} ${fault}`);
    return undefined;
  }

  #add(number: number, problem: string): void {
    this.#problems.push(`${this.#file}:${number}: ${problem}`);
  }
}
