/**
 * `readSection`: reads one section of a configuration file of wireproxy.
 *
 * @module
 */
import { quote } from '@litz/core/internals';
import { readListenAddress, readTarget } from './addresses.ts';
import { Credentials } from './credentials.ts';
import type { Service } from './settings.ts';

/**
 * Reads a section.
 *
 * @param name in small letters
 * @param fields by name in small letters
 * @param origin where the section is, for later errors
 * @returns the service; undefined if the section asks for nothing; or a text that says what is
 *   wrong
 */
export function readSection(
  name: string,
  fields: ReadonlyMap<string, string>,
  origin: string,
): Service | string | undefined {
  const section = SECTIONS.get(name);
  if (!section)
    return `there is no such section; the sections are ${[...SECTIONS.keys()].join(', ')}`;
  const unknown = [...fields.keys()].find((key) => !section.fields.includes(key));
  if (unknown !== undefined) {
    const known = section.fields.join(', ');
    return `${quote(unknown)} is not a field that Litz supports; the fields are ${known}`;
  }
  try {
    return section.read({ fields, origin });
  } catch (error) {
    if (error instanceof FieldError) return error.message;
    throw error;
  }
}

interface Section {
  /** The fields that the section may have. */
  readonly fields: readonly string[];
  /** @throws {FieldError} a field is missing or wrong */
  read(source: SectionFields): Service | undefined;
}

interface SectionFields {
  readonly fields: ReadonlyMap<string, string>;
  readonly origin: string;
}

/** A field is missing or wrong. The message names the field. */
class FieldError extends Error {}

function readProxy(type: 'socks5' | 'http'): Section {
  return {
    fields: ['bindaddress', 'username', 'password'],
    read: (source) => ({
      type,
      listen: listenOf(source),
      credentials: credentialsOf(source),
      origin: source.origin,
    }),
  };
}

function readForward(protocol: 'tcp' | 'udp', more: readonly string[]): Section {
  return {
    fields: ['bindaddress', 'target', ...more],
    read: (source) => ({
      type: 'forward',
      protocol,
      listen: listenOf(source),
      target: targetOf(source),
      ...idleOf(source),
      origin: source.origin,
    }),
  };
}

function readExpose(source: SectionFields): Service {
  const text = required(source, 'listenport');
  const listen = /^\d+$/.test(text) ? readListenAddress(text) : undefined;
  if (!listen) throw expected('listenport', 'a port from 0 to 65535', text);
  return {
    type: 'expose',
    protocol: 'tcp',
    listen: { host: undefined, port: listen.port },
    target: targetOf(source),
    origin: source.origin,
  };
}

function listenOf(source: SectionFields): NonNullable<ReturnType<typeof readListenAddress>> {
  const text = required(source, 'bindaddress');
  const listen = text.includes(':') ? readListenAddress(text) : undefined;
  if (listen) return listen;
  throw expected('bindaddress', 'ADDRESS:PORT or :PORT', text);
}

function targetOf(source: SectionFields): NonNullable<ReturnType<typeof readTarget>> {
  const text = required(source, 'target');
  const target = readTarget(text);
  if (target) return target;
  throw expected('target', 'ADDRESS:PORT, [IPV6]:PORT or NAME:PORT', text);
}

function credentialsOf({ fields }: SectionFields): Credentials | undefined {
  const [name = '', password = ''] = [fields.get('username'), fields.get('password')];
  if (name === '' && password === '') return undefined;
  // If a section has no `Username`, the SOCKS5 proxy of wireproxy asks for no password. If it has
  // no `Password`, that proxy accepts an empty one. Litz refuses a section with only one of the two
  // fields, so that no proxy is open by mistake.
  if (password === '') throw new FieldError('Username needs Password');
  if (name === '') throw new FieldError('Password needs Username');
  try {
    return new Credentials(name, password);
  } catch (error) {
    throw new FieldError((error as Error).message, { cause: error });
  }
}

function idleOf({ fields }: SectionFields): { idleMs?: number } {
  const text = fields.get('inactivitytimeout');
  if (text === undefined) return {};
  if (/^\d{1,6}$/.test(text)) return { idleMs: Number(text) * 1000 };
  throw expected('inactivitytimeout', 'seconds', text);
}

function readResolve({ fields }: SectionFields): undefined {
  const strategy = fields.get('resolvestrategy') ?? 'auto';
  if (strategy.toLowerCase() !== 'auto') throw expected('resolvestrategy', '"auto"', strategy);
}

function required({ fields }: SectionFields, name: string): string {
  const text = fields.get(name);
  if (text !== undefined && text !== '') return text;
  throw new FieldError(`${SPELLED[name]} is missing`);
}

function expected(name: string, what: string, got: string): FieldError {
  return new FieldError(`${SPELLED[name]} expected ${what}, got ${quote(got)}`);
}

const SPELLED: Readonly<Record<string, string>> = {
  bindaddress: 'BindAddress',
  inactivitytimeout: 'InactivityTimeout',
  listenport: 'ListenPort',
  resolvestrategy: 'ResolveStrategy',
  target: 'Target',
};

const SECTIONS: ReadonlyMap<string, Section> = new Map([
  ['socks5', readProxy('socks5')],
  ['http', readProxy('http')],
  ['tcpclienttunnel', readForward('tcp', [])],
  ['udpproxytunnel', readForward('udp', ['inactivitytimeout'])],
  ['tcpservertunnel', { fields: ['listenport', 'target'], read: readExpose }],
  [
    'stdiotunnel',
    {
      fields: ['target'],
      read: (source) => ({ type: 'stdio', target: targetOf(source), origin: source.origin }),
    },
  ],
  ['resolve', { fields: ['resolvestrategy'], read: readResolve }],
]);
