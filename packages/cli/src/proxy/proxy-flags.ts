/**
 * `readProxyFlags`: reads and checks the command line of `litz proxy`, before the network is
 * opened.
 *
 * A password is never a flag: every user of a machine can read the command lines of its processes.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { readInputFile } from '@litz/config/uapi';
import { quote } from '@litz/core/internals';
import { contradiction, usage } from '../commands/agent/flag-failure.ts';
import { Failure } from '../failure.ts';
import { whyUnread } from '../read-tunnel-file.ts';
import { formatHostPort, readListenAddress, readTarget, type ListenAddress } from './addresses.ts';
import { Credentials } from './credentials.ts';
import type { PortService, ProxyService, Service } from './settings.ts';

/** The flags as commander passes them. */
export interface ProxyFlags {
  readonly socks5?: readonly string[];
  readonly socks5User?: string;
  readonly socks5PasswordFile?: string;
  readonly http?: readonly string[];
  readonly httpUser?: string;
  readonly httpPasswordFile?: string;
  readonly forward?: readonly string[];
  readonly expose?: readonly string[];
  readonly stdio?: readonly string[];
  readonly info?: string;
  readonly maxConnections: number;
  readonly user?: string;
  readonly check?: true;
}

/** What the flags need from the process. */
export interface FlagContext {
  /** `LITZ_SOCKS5_PASSWORD` and `LITZ_HTTP_PASSWORD`. */
  readonly env: NodeJS.ProcessEnv;
  /** Called with a line for the user. */
  readonly warn: (line: string) => void;
}

/** @throws {Failure} exit code 2: a flag is wrong, or two flags contradict each other */
export function readProxyFlags(
  flags: ProxyFlags,
  context: FlagContext,
): { readonly services: Service[]; readonly info: ListenAddress | undefined } {
  const services: Service[] = [
    ...proxiesOf('socks5', flags, context),
    ...proxiesOf('http', flags, context),
    ...(flags.forward ?? []).map((text) => readPort('forward', text)),
    ...(flags.expose ?? []).map((text) => readPort('expose', text)),
    ...(flags.stdio ?? []).map((text) => readStdio(text)),
  ];
  const info = flags.info === undefined ? undefined : readListen('--info', flags.info);
  return { services, info };
}

/**
 * Checks the services of the flags and of the file together.
 *
 * @throws {Failure} exit code 2: there is no service, or two need the same port or standard input
 */
export function checkServices(services: readonly Service[], info: ListenAddress | undefined): void {
  if (services.length === 0) {
    throw usage(
      'there is nothing to do: give --socks5, --http, --forward, --expose or --stdio, or a section of wireproxy in the file',
    );
  }
  const [first, second] = services.filter(({ type }) => type === 'stdio');
  if (first && second) throw contradiction(first.origin, second.origin);
  const taken = new Map<string, string>();
  for (const [place, origin] of placesOf(services, info)) {
    const other = taken.get(place);
    if (other !== undefined) throw contradiction(other, origin);
    taken.set(place, origin);
  }
}

/**
 * Returns where the services listen, and the flag or section that asks for each. Port 0 is left
 * out, because the system then chooses a free port.
 */
function placesOf(
  services: readonly Service[],
  info: ListenAddress | undefined,
): [place: string, origin: string][] {
  const places = services.flatMap((service): [ListenAddress, string, string][] => {
    if (service.type === 'stdio') return [];
    const side = service.type === 'expose' ? 'inside' : 'machine';
    const protocol = 'protocol' in service ? service.protocol : 'tcp';
    return [[service.listen, `${side} ${protocol}`, service.origin]];
  });
  if (info) places.push([info, 'machine tcp', `--info ${formatHostPort(info)}`]);
  return places
    .filter(([{ port }]) => port !== 0)
    .map(([listen, kind, origin]) => [`${kind} ${formatHostPort(listen)}`, origin]);
}

function proxiesOf(
  type: 'socks5' | 'http',
  flags: ProxyFlags,
  context: FlagContext,
): ProxyService[] {
  const [user, file] =
    type === 'socks5'
      ? [flags.socks5User, flags.socks5PasswordFile]
      : [flags.httpUser, flags.httpPasswordFile];
  const addresses = flags[type] ?? [];
  const hasLogin = user !== undefined || file !== undefined;
  if (addresses.length === 0 && hasLogin) {
    const given = user === undefined ? `--${type}-password-file` : `--${type}-user`;
    throw usage(`${given} needs --${type} ADDRESS`);
  }
  const credentials =
    addresses.length === 0 ? undefined : readCredentials(type, { user, file }, context);
  return addresses.map((text) => ({
    type,
    listen: readListen(`--${type}`, text),
    credentials,
    origin: `--${type} ${text}`,
  }));
}

function readCredentials(
  type: 'socks5' | 'http',
  { user, file }: { user: string | undefined; file: string | undefined },
  { env, warn }: FlagContext,
): Credentials | undefined {
  const variable = `LITZ_${type.toUpperCase()}_PASSWORD`;
  const fromEnvironment = env[variable];
  const [userFlag, fileFlag] = [`--${type}-user`, `--${type}-password-file`];
  if (user === undefined) {
    if (file !== undefined) throw usage(`${fileFlag} needs ${userFlag} NAME`);
    if (fromEnvironment !== undefined) throw usage(`${variable} needs ${userFlag} NAME`);
    return undefined;
  }
  if (file !== undefined && fromEnvironment !== undefined) throw contradiction(fileFlag, variable);
  const password = file === undefined ? fromEnvironment : readPassword(fileFlag, file, warn);
  if (password === undefined) throw usage(`${userFlag} needs ${fileFlag} FILE or ${variable}`);
  if (password === '') throw usage(`${file === undefined ? variable : fileFlag} is empty`);
  try {
    return new Credentials(user, password);
  } catch (error) {
    throw usage(`${userFlag}: ${(error as Error).message}`);
  }
}

/** Returns the first line of a file. Warns if its mode gives other users any permission. */
function readPassword(flag: string, file: string, warn: (line: string) => void): string {
  try {
    const [line = ''] = readInputFile(file, { maxLength: LONGEST_PASSWORD_FILE }).split(/\r?\n/, 1);
    // `bigint` avoids a fault of Node.js: after the mode of a pipe or a socket was returned as a
    // number, imports do not follow symbolic links (nodejs/node#51142).
    if ((statSync(file, { bigint: true }).mode & OTHERS) !== 0n) {
      warn(
        `Warning: ${file} contains a password, and other users can read it. Consider chmod 600.`,
      );
    }
    return line;
  } catch (error) {
    const text = `${flag}: cannot read ${file}: ${whyUnread(error)}`;
    throw new Failure(text, { exitCode: 2, cause: error });
  }
}

function readPort(type: 'forward' | 'expose', text: string): PortService {
  const [, near = '', far = '', protocol = 'tcp'] =
    /^([^=]*)=(.*?)(?:\/(tcp|udp))?$/s.exec(text) ?? [];
  // For `--forward`, a port without an address means the loopback address of this machine. For
  // `--expose`, it means all addresses inside the tunnel.
  const listen = readListenAddress(near, type === 'expose' ? 'all' : 'loopback');
  const target =
    type === 'expose' && /^\d+$/.test(far) ? readTarget(`${LOOPBACK}:${far}`) : readTarget(far);
  if (listen && target) {
    const origin = `--${type} ${text}`;
    return { type, protocol: protocol as 'tcp' | 'udp', listen, target, origin };
  }
  const form =
    type === 'forward'
      ? '[ADDRESS:]PORT=HOST:PORT[/udp], such as 8080=10.0.0.2:80'
      : '[ADDRESS:]PORT=[HOST:]PORT[/udp], such as 80=127.0.0.1:8080';
  throw usage(`--${type} expected ${form}, got ${quote(text)}`);
}

function readStdio(text: string): Service {
  const target = readTarget(text);
  if (target) return { type: 'stdio', target, origin: `--stdio ${text}` };
  throw usage(`--stdio expected HOST:PORT, such as 10.0.0.2:22, got ${quote(text)}`);
}

function readListen(flag: string, text: string): ListenAddress {
  const listen = readListenAddress(text);
  if (listen) return listen;
  if (text.includes('@')) {
    throw usage(
      `${flag} takes no name and no password, because every user can read a command line: use ${flag}-user and ${flag}-password-file`,
    );
  }
  const form = '[ADDRESS:]PORT, such as 1080, 127.0.0.1:1080 or, for all addresses, :1080';
  throw usage(`${flag} expected ${form}, got ${quote(text)}`);
}

const LOOPBACK = '127.0.0.1';
/** In bytes. */
const LONGEST_PASSWORD_FILE = 65_536;
/** The permissions of the group and of all other users (S_IRWXG, S_IRWXO). */
const OTHERS = 0o077n;
