/**
 * `readDeviceOptions`: what `Device.create` is given, checked whole before anything is opened.
 *
 * @module
 */
import { Engine, type CryptoProvider, type EngineOptions } from '@litz/core';
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
import type { Tun } from './plane/io-interfaces.ts';

export interface DeviceOptions extends DeviceChange, EngineSettings {
  /** The interface's name ('wg0', 'wg%d'), or a TUN of your own: a `MemoryTun`, or anything like it. */
  tun: string | TunOptions | Tun;
  /** Of the interface: '10.0.0.1/24', 'fd00::1/64'. Not for a TUN of your own. */
  addresses?: readonly (string | Cidr)[];
  /** Of the inner packets, default 1420, or what a TUN of your own has. */
  mtu?: number;
  /** Sets the link up, which opens the sockets. Default true. */
  up?: boolean;
  /**
   * 'auto' is Linux's batched sockets for an interface and node:dgram for a TUN of your own, which
   * 'portable' says expressly.
   */
  udp?: 'auto' | 'portable';
  /**
   * What the kernel does for many packets at once; all of it is on unless false. What it cannot do is
   * found out, switched off and told in an `offload` event.
   */
  offload?: OffloadSwitches;
  /**
   * Default: `selectProvider()`, the fastest that is here. An interface has a thread of its own, to which functions do not pass: name the
   * module there.
   */
  crypto?: CryptoProvider | CryptoModule;
  /**
   * Sends packets round between two ends of its own, over loopback, in the first second and only while
   * there is nothing else to do: the first stream then finds the packet path compiled and runs at once
   * at about the speed that it otherwise has after a second. Costs half a second of processor time,
   * once; for programs that carry much soon after they start. Without effect where there is no
   * loopback, and on a TUN of your own. Default false; the daemon `litz` does it.
   */
  warmUp?: boolean;
}

export interface TunOptions {
  name: string;
  mtu?: number;
}

/** Only for an interface; each by itself. */
export interface OffloadSwitches {
  /** TCP super-packets from and to the TUN. */
  tunTcp?: boolean;
  /** UDP super-packets from and to the TUN (Linux 6.2). */
  tunUdp?: boolean;
  /** The kernel cuts a message into datagrams (UDP_SEGMENT). */
  udpGso?: boolean;
  /** The kernel joins datagrams to a message (UDP_GRO, Linux 5.12). */
  udpGro?: boolean;
}

/** A provider by the module that exports it. */
export interface CryptoModule {
  /** What `import()` takes: a URL or the name of a package. */
  module: string;
  /** The name of the export; default 'default'. */
  export?: string;
}

/** Passed on to the engine as they are. */
export type EngineSettings = Pick<EngineOptions, 'handshakeGiveUpMs' | 'limits' | 'underLoad'>;

/** Options as the drivers take them; nothing in `common` but the crypto provider is a function. */
export type DeviceSettings =
  | { readonly kind: 'interface'; readonly tunName: string; readonly common: CommonSettings }
  | { readonly kind: 'own'; readonly tun: Tun; readonly common: CommonSettings };

export interface CommonSettings {
  readonly configuration: DeviceConfiguration;
  readonly addresses: readonly Cidr[];
  readonly mtu: number | undefined;
  readonly up: boolean;
  readonly offload: Readonly<Required<OffloadSwitches>>;
  readonly crypto: CryptoProvider | CryptoModule | undefined;
  readonly warmUp: boolean;
  readonly engine: EngineSettings;
}

/**
 * Keys are copied: whoever gets them wipes them.
 *
 * @throws {TypeError | RangeError | WireGuardError} a mistake, by the name of its field
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

function readSettings(options: DeviceOptions, configuration: DeviceConfiguration): DeviceSettings {
  const { tun, addresses = [], up = true, udp = 'auto', crypto, warmUp = false } = options;
  const mtu = options.mtu ?? (isTunOptions(tun) ? tun.mtu : undefined);
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
    offload: readOffload(options.offload),
    crypto,
    warmUp,
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

/** What is no provider is found out now, not in the first handshake. */
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

/** Whether a provider is named by its module. */
export function isCryptoModule(crypto: CryptoProvider | CryptoModule): crypto is CryptoModule {
  return 'module' in crypto;
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

function readOffload(offload: OffloadSwitches = {}): Required<OffloadSwitches> {
  checkObject(offload, 'offload', OFFLOADS);
  for (const name of OFFLOADS) checkBoolean(offload[name], `offload.${name}`);
  const { tunTcp = true, tunUdp = true, udpGso = true, udpGro = true } = offload;
  return { tunTcp, tunUdp, udpGso, udpGro };
}

/** The rules of the kernel (dev_valid_name); `%d` is replaced by a number that is free. */
function readTunName(tun: string | TunOptions): string {
  if (isTunOptions(tun)) checkObject(tun, 'tun', ['name', 'mtu']);
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
  // The engine has the rules; the real one is made in another thread, when the TUN is open already.
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

const CREATE_FIELDS = ['tun', 'addresses', 'mtu', 'up', 'udp', 'offload', 'crypto', 'warmUp'];
const OFFLOADS = ['tunTcp', 'tunUdp', 'udpGso', 'udpGro'] as const;
const ENGINE_FIELDS = ['handshakeGiveUpMs', 'limits', 'underLoad'];
/** An IPv4 interface can have no less. */
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
