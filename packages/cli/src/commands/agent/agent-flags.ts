/**
 * `readAgentFlags`: reads the command line of `litz agent` and checks it before anything is opened.
 *
 * @module
 */
import { formatCidr, parseAddress, parseCidr, type Cidr } from '@litz/core';
import { quote } from '@litz/core/internals';
import {
  checkOwnNode,
  covers,
  type AgentSettings,
  type CheckRequest,
  type EncryptMode,
  type Enforcement,
  type ListenAddress,
  type OwnNodeClaim,
  RecordError,
} from '@litz/mesh';
import { Failure } from '../../failure.ts';
import { readPageAddress, type PageAddress } from '../../page-address.ts';
import { checkInterfaceName } from '../../interface-name.ts';
import { contradiction, missing, usage } from './flag-failure.ts';
import { readTime } from './flag-time.ts';
import {
  readRegistry,
  refuseEtcdFlags,
  refuseKubernetesFlags,
  type RegistryFlags,
  type RegistryChoice,
} from './registry-flags.ts';

/** The flags as commander passes them. */
export interface AgentFlags extends RegistryFlags {
  readonly node?: string;
  readonly nodeIp?: readonly string[];
  readonly prefixes?: string;
  readonly clusterPrefix?: readonly string[];
  readonly servicePrefix?: readonly string[];
  readonly nodePrefix?: readonly string[];
  readonly encrypt: EncryptMode;
  readonly enforcement: Enforcement;
  readonly force?: true;
  readonly interface: string;
  readonly port: number;
  readonly table: number;
  readonly priority: number;
  readonly persistentKeepalive: number;
  readonly rotateKeyEvery?: string;
  readonly rotateTimeout: string;
  readonly stateDir: string;
  readonly controlDir: string;
  readonly page?: string;
  readonly metrics?: string;
  readonly health?: string;
  readonly cniDir: string;
}

export type PrefixChoice =
  | { readonly type: 'static'; readonly prefixes: readonly Cidr[] }
  | { readonly type: 'cni' | 'node' | 'calico' | 'cilium' };

export interface AgentCommand {
  readonly settings: AgentSettings;
  readonly registry: RegistryChoice;
  readonly prefixes: PrefixChoice;
  readonly page: PageAddress | undefined;
  readonly metrics: ListenAddress | undefined;
  readonly health: ListenAddress | undefined;
}

/** @throws {Failure} exit code 2: a flag is missing or wrong, or two flags contradict each other */
export function readAgentFlags(flags: AgentFlags): AgentCommand {
  const registry = readRegistry(flags.registry);
  checkInterfaceName(flags.interface);
  checkTable(flags.table);
  refuseContradictions(flags, registry);
  const { encrypt, enforcement, optOut } = flags;
  const clusterPrefixes = readPrefixes('--cluster-prefix', flags.clusterPrefix ?? []);
  if (enforcement === 'enforce' && clusterPrefixes.length === 0) {
    throw usage('--enforcement enforce needs --cluster-prefix CIDR,...: all addresses of pods');
  }
  const prefixes = readPrefixSource(flags.prefixes, registry);
  const own = prefixes.type === 'static' ? prefixes.prefixes : [];
  refuseOutside(own, clusterPrefixes);
  const node = flags.node ?? missing('--node NAME');
  const addresses = readAddresses(flags.nodeIp ?? missing('--node-ip IP[,IP]'));
  const servicePrefixes = readPrefixes('--service-prefix', flags.servicePrefix ?? []);
  const nodePrefixes = readPrefixes('--node-prefix', flags.nodePrefix ?? []);
  const ranges = { clusterPrefixes, servicePrefixes, nodePrefixes };
  refuseOwnNode({ name: node, addresses, prefixes: own, ...ranges });
  return {
    registry,
    prefixes,
    page: flags.page === undefined ? undefined : readPageAddress('--page', flags.page),
    metrics: readListen('--metrics', flags.metrics),
    health: readListen('--health', flags.health),
    settings: {
      node,
      addresses,
      interfaceName: flags.interface,
      port: flags.port,
      table: flags.table,
      priority: flags.priority,
      mode: encrypt,
      enforcement,
      force: flags.force === true,
      ...ranges,
      persistentKeepalive: flags.persistentKeepalive,
      rotateEveryMs: readRotation(flags),
      rotateTimeoutMs: readTime('--rotate-timeout', flags.rotateTimeout),
      encryptsNode: optOut !== true,
      stateFolder: flags.stateDir,
    },
  };
}

/** Reads the flags of `litz agent check`. No flag is required. */
export function readCheckFlags(flags: AgentFlags): {
  readonly request: Omit<CheckRequest, 'records'>;
  readonly addresses: readonly string[] | undefined;
  readonly prefixes: readonly Cidr[] | undefined;
} {
  checkInterfaceName(flags.interface);
  checkTable(flags.table);
  const { prefixes } = flags;
  return {
    request: {
      mode: flags.encrypt,
      enforcement: flags.enforcement,
      clusterPrefixes: readPrefixes('--cluster-prefix', flags.clusterPrefix ?? []),
      nodePrefixes: readPrefixes('--node-prefix', flags.nodePrefix ?? []),
      port: flags.port,
      interfaceName: flags.interface,
      table: flags.table,
      priority: flags.priority,
    },
    addresses: flags.nodeIp && readAddresses(flags.nodeIp),
    prefixes: prefixes?.startsWith('static:')
      ? readPrefixes('--prefixes', prefixes.slice('static:'.length).split(','))
      : undefined,
  };
}

/** @throws {Failure} exit code 2: the table is one of the kernel's own */
function checkTable(table: number): void {
  const name = KERNEL_TABLES[table];
  if (name === undefined) return;
  throw usage(`--table ${table} is the table "${name}": the mesh needs a table of its own`);
}

/** @throws {Failure} exit code 2: two flags contradict each other */
function refuseContradictions(flags: AgentFlags, registry: RegistryChoice): void {
  const { encrypt, enforcement, optOut } = flags;
  if (optOut === true && encrypt === 'all') throw contradiction('--opt-out', '--encrypt all');
  if (registry.type !== 'kubernetes') refuseKubernetesFlags(flags, registry.type);
  if (registry.type !== 'etcd') refuseEtcdFlags(flags, registry.type);
  if (flags.force === true && enforcement !== 'enforce') {
    throw contradiction('--force', `--enforcement ${enforcement}`);
  }
}

function readPrefixSource(text: string | undefined, registry: RegistryChoice): PrefixChoice {
  const isKubernetes = registry.type === 'kubernetes';
  if (text === undefined) return { type: isKubernetes ? 'node' : 'cni' };
  if (text.startsWith('static:')) {
    const prefixes = readPrefixes('--prefixes', text.slice('static:'.length).split(','));
    return { type: 'static', prefixes };
  }
  if (text !== 'node' && text !== 'calico' && text !== 'cilium') {
    throw usage(`--prefixes expected node, calico, cilium or static:CIDR,..., got ${text}`);
  }
  if (!isKubernetes) throw contradiction(`--prefixes ${text}`, `--registry ${registry.type}`);
  return { type: text };
}

function readPrefixes(flag: string, texts: readonly string[]): Cidr[] {
  return texts.map((text) => {
    try {
      if (!text.includes('/')) throw new TypeError('no length');
      return parseCidr(text);
    } catch {
      throw usage(`${flag} expected prefixes such as 10.244.0.0/16, got ${JSON.stringify(text)}`);
    }
  });
}

function readAddresses(texts: readonly string[]): string[] {
  const families = new Set<number>();
  for (const text of texts) {
    let length: number;
    try {
      ({ length } = parseAddress(text));
    } catch {
      throw usage(`--node-ip expected addresses, got ${JSON.stringify(text)}`);
    }
    if (families.has(length)) throw usage(`--node-ip expected at most one address of each family`);
    families.add(length);
  }
  return [...texts];
}

/**
 * Refuses flags that would give this node a record which the other nodes refuse. So the user sees
 * the mistake at once, and not only later in the logs of other nodes.
 */
function refuseOwnNode(claim: OwnNodeClaim): void {
  try {
    checkOwnNode(claim);
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    const flag = FLAG_OF[error.field.replace(/\[\d+\]$/, '')] ?? error.field;
    const value = error.field === 'name' ? `${quote(claim.name)} ` : '';
    throw new Failure(`${flag}: ${value}${error.reason}`, { exitCode: 2, cause: error });
  }
}

/**
 * Refuses pod prefixes of this node that no cluster prefix covers: the pods in them would be cut
 * off.
 */
function refuseOutside(own: readonly Cidr[], cluster: readonly Cidr[]): void {
  if (cluster.length === 0) return;
  const outside = own.find((prefix) => !cluster.some((wide) => covers(wide, prefix)));
  if (!outside) return;
  throw contradiction(
    `--prefixes static:${formatCidr(outside)}`,
    `--cluster-prefix ${cluster.map(formatCidr).join(',')}`,
  );
}

function readRotation({ rotateKeyEvery, rotateTimeout }: AgentFlags): number | undefined {
  if (rotateKeyEvery === undefined) return undefined;
  const every = readTime('--rotate-key-every', rotateKeyEvery);
  if (every <= readTime('--rotate-timeout', rotateTimeout)) {
    throw contradiction(
      `--rotate-key-every ${rotateKeyEvery}`,
      `--rotate-timeout ${rotateTimeout}`,
    );
  }
  return every;
}

function readListen(flag: string, text: string | undefined): ListenAddress | undefined {
  if (text === undefined) return undefined;
  const [, bracketed, plain, digits] =
    /^(?:\[([\da-fA-F:.]+)\]|([\d.]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (!(port >= 0 && port <= 65_535)) {
    throw usage(`${flag} expected [ADDRESS]:PORT such as 127.0.0.1:9586, got ${text}`);
  }
  const host = bracketed ?? plain;
  return { host: host === '' ? undefined : host, port };
}

const FLAG_OF: Readonly<Record<string, string>> = {
  name: '--node',
  addresses: '--node-ip',
  prefixes: '--prefixes',
  clusterPrefixes: '--cluster-prefix',
  nodePrefixes: '--node-prefix',
};
/** linux/rtnetlink.h: RT_TABLE_DEFAULT, RT_TABLE_MAIN and RT_TABLE_LOCAL. */
const KERNEL_TABLES: Readonly<Record<number, string>> = {
  253: 'default',
  254: 'main',
  255: 'local',
};
