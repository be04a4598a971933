/**
 * `readDeviceOptions`: checks all options of `Device.create` before anything is opened.
 *
 * @module
 */
import { Engine, WireGuardError, type CryptoProvider, type EngineOptions } from '@litz/core';
import {
  checkBoolean,
  checkInteger,
  checkObject,
  describe,
  MAX_MTU,
  newInterfaceNameFault,
  quote,
  readAllowedIps,
} from '@litz/core/internals';
import {
  DEVICE_FIELDS,
  readDeviceChange,
  wipeSecrets,
  type Cidr,
  type DeviceChange,
  type DeviceConfiguration,
} from '@litz/config';
import type { ThreadPriority } from '@litz/sys';
import type { Tun } from './plane/io-interfaces.ts';

/**
 * Options of `Device.create`: the fields here, and all fields of a `DeviceChange` (`privateKey`,
 * `listenPort`, `fwmark`, `peers`, ...).
 */
export interface DeviceOptions extends DeviceChange, EngineSettings {
  /**
   * The name of the interface ('wg0', 'wg%d'), or a TUN of your own: a `MemoryTun`, or any other
   * `Tun`.
   */
  tun: string | TunOptions | Tun;
  /**
   * Addresses of the interface: '10.0.0.1/24', 'fd00::1/64'. Not allowed with a TUN of your own.
   */
  addresses?: readonly (string | Cidr)[];
  /**
   * Maximum length of an inner packet, in bytes. Default: 1420, or the MTU of a TUN of your own.
   */
  mtu?: number;
  /** Sets the link up, which opens the sockets. Default true. */
  up?: boolean;
  /**
   * 'auto' means batched sockets on Linux (GSO, GRO; no privilege is needed), and node:dgram on
   * other systems. With a TUN of your own, 'auto' also means node:dgram if koffi is missing or if
   * the device is not in the main thread of the process; `offload` events report this. 'portable'
   * means node:dgram; an interface does not accept it. Default 'auto'.
   */
  udp?: 'auto' | 'portable';
  /**
   * Offloads let the kernel work on many packets at once. All are on unless they are set to false.
   * Offloads that the kernel cannot do are detected and switched off; an `offload` event reports
   * each of them.
   */
  offload?: OffloadSwitches;
  /**
   * Default: `selectProvider()`, the fastest provider that is available. An interface has a thread
   * of its own, and functions cannot be sent to a thread. So for an interface, give a
   * `CryptoModule`.
   */
  crypto?: CryptoProvider | CryptoModule;
  /**
   * Lets V8 compile the packet path: the device sends packets between two sockets of its own over
   * loopback. It does this for up to 0.25 s before it makes the interface, and then while it has
   * nothing else to do. So the first pings take less time. The first stream starts at about the
   * speed that, without a warm-up, it reaches only after a second. Costs half a second of processor
   * time, once. Meant for programs that transfer much soon after their start. Has no effect if
   * there is no loopback, or with a TUN of your own. Default false; the daemon `litz` switches it
   * on.
   */
  warmUp?: boolean;
  /**
   * How many threads seal and open packets, 1 to 8. More than one helps a stream that is too fast
   * for a single core, if other cores are idle. 'auto' uses one thread, and adds threads only while
   * such a stream runs and the additional threads make it faster. Packets stay in order, and a
   * single packet never waits for another thread. With a TUN of your own, and with any provider
   * except OpenSSL, one thread is used. Default: the environment variable `LITZ_THREADS`, or 1.
   */
  threads?: number | 'auto';
  /**
   * The priority of the thread that processes the packets of an interface. With 'realtime', the
   * kernel runs this thread before all threads with normal priority, if the process may ask for
   * that (CAP_SYS_NICE, or the limit RLIMIT_RTPRIO is at least 1). So packets do not wait while
   * other programs use all processors. The priority is normal at times when the thread would take
   * too much time from other programs. Default: the environment variable `LITZ_PRIORITY`, or
   * 'realtime'.
   */
  priority?: ThreadPriority;
}

/** An interface that a device makes: its name and how it is set up. */
export interface TunOptions {
  /** 'wg0'; the kernel replaces a `%d` in the name by a number. At most 15 bytes. */
  name: string;
  /**
   * Maximum length of an inner packet, in bytes. The option `mtu` of the device takes precedence.
   * Default 1420.
   */
  mtu?: number;
  /**
   * Whether the interface stays, with its addresses and routes, when the process is killed or the
   * packet loop crashes. The kernel then drops the packets that it routes to the interface, so that
   * they do not leave outside of the tunnel. The next device of that name takes the interface over,
   * and `close` deletes it. Default false.
   */
  persist?: boolean;
}

/** Switches for the offloads of an interface, independent of each other. */
export interface OffloadSwitches {
  /** TCP super-packets, read from and written to the TUN. */
  tunTcp?: boolean;
  /** UDP super-packets, read from and written to the TUN (Linux 6.2). */
  tunUdp?: boolean;
  /** The kernel splits one buffer of ours into datagrams (UDP_SEGMENT). */
  udpGso?: boolean;
  /** The kernel joins datagrams into one buffer (UDP_GRO, Linux 5.12). */
  udpGro?: boolean;
}

/** Names a crypto provider by the module that exports it. */
export interface CryptoModule {
  /** A specifier for `import()`: a URL or the name of a package. */
  module: string;
  /** The name of the export. Default 'default'. */
  export?: string;
}

/** Options that are passed to the engine unchanged. */
export type EngineSettings = Pick<EngineOptions, 'handshakeGiveUpMs' | 'limits' | 'underLoad'>;

/**
 * The options in the form that drivers take. In `common`, only the crypto provider has functions.
 */
export type DeviceSettings =
  | { readonly kind: 'interface'; readonly tunName: string; readonly common: CommonSettings }
  | { readonly kind: 'own'; readonly tun: Tun; readonly common: CommonSettings };

export interface CommonSettings {
  readonly configuration: DeviceConfiguration;
  readonly addresses: readonly Cidr[];
  readonly mtu: number | undefined;
  readonly up: boolean;
  readonly udp: 'auto' | 'portable';
  readonly offload: Readonly<Required<OffloadSwitches>>;
  readonly crypto: CryptoProvider | CryptoModule | undefined;
  readonly warmUp: boolean;
  /** `TunOptions.persist`. */
  readonly persist: boolean;
  readonly threads: number | 'auto';
  readonly priority: ThreadPriority;
  readonly engine: EngineSettings;
}

/**
 * Checks the options and returns them with defaults filled in. Keys are copied; the caller must
 * wipe the copies.
 *
 * @throws {TypeError | RangeError | WireGuardError} an option is wrong; the message names it
 */
export function readDeviceOptions(options: DeviceOptions): DeviceSettings {
  checkObject(options, 'options', [...DEVICE_FIELDS, ...CREATE_FIELDS, ...ENGINE_FIELDS]);
  const configuration = readDeviceChange(pick(options, DEVICE_FIELDS));
  try {
    return readSettings(options, configuration);
  } catch (error) {
    wipeSecrets(configuration);
    throw error;
  }
}

/** Returns whether the option names a module. The thread of the packet loop imports that module. */
export function isCryptoModule(crypto: CryptoProvider | CryptoModule): crypto is CryptoModule {
  return 'module' in crypto;
}

function readSettings(options: DeviceOptions, configuration: DeviceConfiguration): DeviceSettings {
  const { tun, addresses = [], up = true, udp = 'auto', crypto, warmUp = false } = options;
  const mtu = options.mtu ?? (isTunOptions(tun) ? tun.mtu : undefined);
  const persist = isTunOptions(tun) ? tun.persist : undefined;
  checkBoolean(persist, 'tun.persist');
  checkInteger(mtu, 'mtu', MINIMUM_MTU, MAX_MTU);
  checkBoolean(options.up, 'up');
  checkBoolean(options.warmUp, 'warmUp');
  checkCrypto(crypto);
  if (udp !== 'auto' && udp !== 'portable') {
    throw new RangeError(`"udp" expected 'auto' or 'portable', got ${quote(udp)}`);
  }
  const common: CommonSettings = {
    configuration,
    addresses: readAllowedIps(addresses, 'addresses'),
    mtu,
    up,
    udp,
    offload: readOffload(options.offload),
    crypto,
    warmUp,
    persist: persist ?? false,
    threads: readThreads(options.threads),
    priority: readPriority(options.priority),
    engine: readEngineSettings(options),
  };
  if (isOwnTun(tun)) return ownTun(tun, common);
  const tunName = readTunName(tun);
  if (udp === 'portable') {
    throw new RangeError('"udp" expected "auto" for an interface: its thread polls the sockets');
  }
  if (crypto !== undefined && !('module' in crypto)) {
    throw new TypeError('"crypto" expected { module, export } for an interface, got a provider');
  }
  return { kind: 'interface', tunName, common };
}

/**
 * Checks that `crypto` has all functions of a provider. Without this check, a missing function
 * would be found only in the first handshake.
 */
function checkCrypto(crypto: unknown): void {
  if (crypto === undefined) return;
  checkObject(crypto, 'crypto');
  const given = crypto as Partial<Record<string, unknown>>;
  if ('module' in given) {
    if (typeof given['module'] === 'string') return;
    throw new TypeError(`"crypto.module" expected a string, got ${typeof given['module']}`);
  }
  for (const name of PROVIDER_FUNCTIONS) {
    if (typeof given[name] === 'function') continue;
    throw new TypeError(`"crypto.${name}" expected a function, got ${typeof given[name]}`);
  }
}

function ownTun(tun: Tun, common: CommonSettings): DeviceSettings {
  if (tun.fd !== -1) {
    throw new RangeError(`"tun.fd" expected -1, got ${tun.fd}: give an interface by its name`);
  }
  if (common.addresses.length > 0) {
    throw new RangeError('"addresses" expected none: a TUN of your own has no interface');
  }
  if (common.mtu !== undefined && common.mtu !== tun.mtu) {
    throw new RangeError(`"mtu" expected the ${tun.mtu} of "tun", got ${common.mtu}`);
  }
  return { kind: 'own', tun, common };
}

function threadsFrom(text: string): number | 'auto' {
  if (text === 'auto') return text;
  return text === '' ? 1 : Number(text);
}

/** Reads the option, or the environment variable. */
function readThreads(given: DeviceOptions['threads']): number | 'auto' {
  const text = process.env['LITZ_THREADS'] ?? '';
  const threads = given === undefined ? threadsFrom(text) : given;
  if (threads === 'auto') return threads;
  if (Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS) return threads;
  const limits = `an integer from 1 to ${MOST_THREADS}, or 'auto'`;
  if (given === undefined) throw wrongVariable('LITZ_THREADS', limits, text);
  throw wrongOption('threads', limits, given);
}

/** Reads the option, or the environment variable. */
function readPriority(given: DeviceOptions['priority']): ThreadPriority {
  const text = process.env['LITZ_PRIORITY'] ?? '';
  const priority = given ?? (text === '' ? 'realtime' : text);
  if (priority === 'realtime' || priority === 'normal') return priority;
  const limits = "'realtime' or 'normal'";
  if (given === undefined) throw wrongVariable('LITZ_PRIORITY', limits, text);
  throw wrongOption('priority', limits, given);
}

/** A wrong environment variable is a fault of the user, and not of the program. */
function wrongVariable(name: string, limits: string, text: string): WireGuardError {
  const message = `"${name}" expected ${limits}, got ${quote(text)}`;
  return new WireGuardError('ERR_LITZ_INVALID_CONFIG', message);
}

function wrongOption(name: string, limits: string, given: unknown): RangeError {
  const value = typeof given === 'string' ? quote(given) : describe(given);
  return new RangeError(`"${name}" expected ${limits}, got ${value}`);
}

function readOffload(offload: OffloadSwitches = {}): Required<OffloadSwitches> {
  checkObject(offload, 'offload', OFFLOADS);
  for (const name of OFFLOADS) checkBoolean(offload[name], `offload.${name}`);
  const { tunTcp = true, tunUdp = true, udpGso = true, udpGro = true } = offload;
  return { tunTcp, tunUdp, udpGso, udpGro };
}

/**
 * Checks the name by the rules of the kernel (dev_valid_name). The kernel replaces `%d` with a free
 * number.
 */
function readTunName(tun: string | TunOptions): string {
  if (isTunOptions(tun)) checkObject(tun, 'tun', ['name', 'mtu', 'persist']);
  const [name, field] = isTunOptions(tun) ? [tun.name, 'tun.name'] : [tun, 'tun'];
  if (typeof name !== 'string') {
    throw new TypeError(`"${field}" expected the name of an interface, got ${describe(name)}`);
  }
  const fault = newInterfaceNameFault(name);
  if (fault === undefined) return name;
  throw new RangeError(
    `"${field}" expected the name of an interface, got ${quote(name)}: ${fault}`,
  );
}

function readEngineSettings({
  handshakeGiveUpMs,
  limits,
  underLoad,
}: EngineSettings): EngineSettings {
  const settings: EngineSettings = {
    ...(handshakeGiveUpMs !== undefined && { handshakeGiveUpMs }),
    ...(limits !== undefined && { limits }),
    ...(underLoad !== undefined && { underLoad }),
  };
  // The engine checks these options. The engine of the device is made later in another thread, when
  // the TUN is already open, so a temporary engine checks them here.
  void new Engine({ randomBytes: () => {}, unixTime: () => 0, ...settings });
  return settings;
}

function isOwnTun(tun: DeviceOptions['tun']): tun is Tun {
  return typeof tun === 'object' && tun !== null && 'read' in tun && 'write' in tun;
}

function isTunOptions(tun: DeviceOptions['tun']): tun is TunOptions {
  return typeof tun === 'object' && tun !== null && !isOwnTun(tun);
}

function pick(options: object, fields: readonly string[]): DeviceChange {
  return Object.fromEntries(Object.entries(options).filter(([key]) => fields.includes(key)));
}

const CREATE_FIELDS = [
  'tun',
  'addresses',
  'mtu',
  'up',
  'udp',
  'offload',
  'crypto',
  'warmUp',
  'threads',
  'priority',
];
const OFFLOADS = ['tunTcp', 'tunUdp', 'udpGso', 'udpGro'] as const;
const ENGINE_FIELDS = ['handshakeGiveUpMs', 'limits', 'underLoad'];
/** As many as `CipherThreads` of `@litz/openssl` can have. */
const MOST_THREADS = 8;
/** In bytes. An interface with IPv4 cannot have a smaller MTU. */
const MINIMUM_MTU = 68;
const PROVIDER_FUNCTIONS = [
  'dh',
  'dhPublicKey',
  'hash',
  'mac',
  'hmac',
  'aeadSeal',
  'aeadOpen',
  'xaeadSeal',
  'xaeadOpen',
  'createCipher',
] as const;
