/**
 * `readCni`: reads the configuration of the CNI on this node: its family, its plugins and the
 * prefixes of this node's pods.
 *
 * @module
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readInputFile, type InputFileOptions } from '@litz/config/uapi';
import type { Cidr } from '@litz/core';
import { tryParseCidr } from '@litz/core/internals';
import { networkAddress } from '../record/cidr-relations.ts';
import type { CniFacts, CniFamily } from './host-facts.ts';

export interface CniOptions {
  /** Default: /etc/cni/net.d. */
  readonly folder?: string;
  /** The subnet file that flannel's daemon writes; default: /run/flannel/subnet.env. */
  readonly flannelFile?: string;
  /** All links of the machine: name, and kind as rtnetlink reports it. */
  readonly links: readonly { readonly name: string; readonly kind: string | undefined }[];
}

/**
 * Returns the facts from the configuration file that comes first when the names are sorted.
 * Container runtimes use this file too. A file that can't be read gives the family `unknown`, and
 * `trouble` says why.
 */
export function readCni(options: CniOptions): CniFacts {
  const { folder = CNI_FOLDER, flannelFile = FLANNEL_FILE, links } = options;
  const file = firstFile(folder);
  if (file === undefined) return { ...NO_CNI, family: familyByLinks(links) ?? 'none' };
  const path = join(folder, file);
  try {
    const configuration = JSON.parse(readInputFile(path, LIMITS)) as CniConfiguration;
    const plugins = configuration.plugins ?? [configuration];
    const types = plugins.map(({ type }) => String(type));
    const written = plugins.flatMap(({ ipam }) => hostLocalPrefixes(ipam));
    const prefixes = types.includes('flannel') ? flannelPrefixes(flannelFile) : written;
    return {
      family: familyOfPlugins(types, links),
      file: path,
      network: configuration.name,
      plugins: types,
      prefixes,
      trouble: undefined,
    };
  } catch (error) {
    const trouble = `${path}: ${error instanceof Error ? error.message : String(error)}`;
    return { ...NO_CNI, family: 'unknown', file: path, trouble };
  }
}

interface CniIpam {
  readonly type?: string;
  readonly subnet?: string;
  readonly ranges?: readonly (readonly { readonly subnet?: string }[])[];
}

interface CniPlugin {
  readonly type?: string;
  readonly ipam?: CniIpam;
}

interface CniConfiguration extends CniPlugin {
  readonly name?: string;
  readonly plugins?: readonly CniPlugin[];
}

function firstFile(folder: string): string | undefined {
  try {
    const names = readdirSync(folder).filter((name) => /\.(conf|conflist|json)$/.test(name));
    return names.toSorted()[0];
  } catch {
    return undefined;
  }
}

function hostLocalPrefixes(ipam: CniIpam | undefined): Cidr[] {
  if (ipam?.type !== 'host-local') return [];
  const ranges = (ipam.ranges ?? []).flat().map(({ subnet }) => subnet);
  return [ipam.subnet, ...ranges].flatMap(prefixOf);
}

/**
 * Reads lines such as FLANNEL_SUBNET=10.244.1.1/24. They have the address of flannel's bridge and
 * the length of the prefix.
 */
function flannelPrefixes(file: string): Cidr[] {
  try {
    const text = readInputFile(file, LIMITS);
    const values = [...text.matchAll(/^FLANNEL_(?:IPV6_)?SUBNET=(.*)$/gm)].map(
      ([, value]) => value,
    );
    return values.flatMap(prefixOf);
  } catch {
    return [];
  }
}

function prefixOf(text: string | undefined): Cidr[] {
  const prefix = tryParseCidr(text ?? '');
  if (!prefix) return [];
  return [{ address: networkAddress(prefix), prefixLength: prefix.prefixLength }];
}

function familyOfPlugins(types: readonly string[], links: CniOptions['links']): CniFamily {
  const known = types.map((type) => FAMILIES[type]).find((family) => family !== undefined);
  if (known) return known;
  if (types.includes('cilium-cni')) return ciliumFamily(links);
  const isPlain = types.some((type) => PLAIN_PLUGINS.includes(type));
  if (!isPlain) return familyByLinks(links) ?? 'unknown';
  return links.some(isOverlay) ? 'overlay' : 'routed';
}

function familyByLinks(links: CniOptions['links']): CniFamily | undefined {
  const has = (name: string): boolean => links.some((link) => link.name === name);
  if (has('cilium_host')) return ciliumFamily(links);
  if (has('ovn-k8s-mp0')) return 'ovn';
  return has('antrea-gw0') ? 'antrea' : undefined;
}

/** With native routing, eBPF programs send pods' packets without the host's routes and rules. */
function ciliumFamily(links: CniOptions['links']): CniFamily {
  const overlay = links.some(({ name }) => name === 'cilium_vxlan' || name === 'cilium_geneve');
  return overlay ? 'cilium-overlay' : 'cilium-native';
}

/** `tunl0` does not show an overlay: the kernel creates it when the module `ipip` is loaded. */
function isOverlay({ name, kind }: CniOptions['links'][number]): boolean {
  return kind === 'vxlan' || kind === 'geneve' || (kind === 'ipip' && name !== 'tunl0');
}

/** A pipe is refused, because an agent must not wait for its writer. Real files have a few KB. */
const LIMITS: InputFileOptions = { refusesPipes: true, maxLength: 2 ** 20 };
const CNI_FOLDER = '/etc/cni/net.d';
const FLANNEL_FILE = '/run/flannel/subnet.env';
const PLAIN_PLUGINS = ['bridge', 'ptp', 'flannel', 'host-device', 'kindnet', 'weave-net'];
const FAMILIES: Readonly<Record<string, CniFamily>> = {
  calico: 'calico',
  'aws-cni': 'aws-vpc',
  'azure-vnet': 'azure',
  'azure-ipam': 'azure',
  'ovn-k8s-cni-overlay': 'ovn',
  antrea: 'antrea',
};
const NO_CNI: Omit<CniFacts, 'family'> = {
  file: undefined,
  network: undefined,
  plugins: [],
  prefixes: [],
  trouble: undefined,
};
