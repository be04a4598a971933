/**
 * `AcceptedClaims`: which node has which key, address and prefix, and with which nodes a record
 * would clash.
 *
 * @module
 */
import { formatCidr, parseAddress } from '@litz/core';
import { hostPrefix } from '../record/cidr-relations.ts';
import type { NodeRecord } from '../record/node-record.ts';
import type { Refusal } from './membership-context.ts';
import { PrefixTable } from './prefix-table.ts';

/** The refusal of a record that claims a key, address or prefix of another node, the holder. */
export type Clash = Refusal & { readonly holder: string };

export class AcceptedClaims {
  readonly #records = new Map<string, NodeRecord>();
  readonly #keys = new Map<string, string>();
  /** For each address, the names of the nodes that have it. Nearly always there is one name. */
  readonly #addresses = new Map<string, readonly string[]>();
  /**
   * The addresses of all nodes as prefixes. The owner that is stored for a prefix is not a node,
   * but the address as text: the key in `#addresses`.
   */
  readonly #addressTable = new PrefixTable();
  readonly #prefixes = new PrefixTable();

  /** Yields a clash for each claim of the record that another node already has. */
  *clashesOf(record: NodeRecord): Generator<Clash> {
    for (const i of record.keys.keys()) yield* this.#keyClashes(record, i);
    for (const i of record.addresses.keys()) yield* this.#addressClashes(record, i);
    for (const i of record.prefixes.keys()) yield* this.#prefixClashes(record, i);
  }

  /**
   * Replaces the claims of the node by the claims of the record. The record must not clash with
   * other nodes.
   */
  take(record: NodeRecord): void {
    const { name, keys, addresses, prefixes } = record;
    this.release(name);
    this.#records.set(name, record);
    for (const { publicKey } of keys) this.#keys.set(publicKey.toBase64(), name);
    for (const address of addresses) this.#takeAddress(address, name);
    // The prefixes of one record may overlap. A wider prefix is added before the narrower prefixes
    // that it covers.
    for (const prefix of prefixes.toSorted((a, b) => a.prefixLength - b.prefixLength)) {
      if (this.#prefixes.isFree(prefix)) this.#prefixes.add(prefix, name);
    }
  }

  release(name: string): void {
    const record = this.#records.get(name);
    if (!record) return;
    this.#records.delete(name);
    for (const { publicKey } of record.keys) this.#keys.delete(publicKey.toBase64());
    for (const address of record.addresses) this.#releaseAddress(address, name);
    for (const prefix of record.prefixes) this.#prefixes.remove(prefix);
  }

  *#keyClashes({ name, keys }: NodeRecord, i: number): Generator<Clash> {
    const holder = this.#keys.get(keys[i]!.publicKey.toBase64());
    if (holder === undefined || holder === name) return;
    yield { field: `keys[${i}].publicKey`, reason: `is the key of node ${holder}`, holder };
  }

  *#addressClashes(record: NodeRecord, i: number): Generator<Clash> {
    const field = `addresses[${i}]`;
    const address = record.addresses[i]!;
    for (const holder of this.#addresses.get(address) ?? []) {
      if (holder === record.name || !cannotShareAddress(record, this.#records.get(holder)!))
        continue;
      yield { field, reason: `${address} is the address of node ${holder}`, holder };
    }
    for (const holder of this.#prefixes.owners(hostPrefix(parseAddress(address)))) {
      if (holder === record.name) continue;
      yield { field, reason: `${address} is in a prefix of node ${holder}`, holder };
    }
  }

  *#prefixClashes(record: NodeRecord, i: number): Generator<Clash> {
    const field = `prefixes[${i}]`;
    const prefix = record.prefixes[i]!;
    const text = formatCidr(prefix);
    for (const holder of this.#prefixes.owners(prefix)) {
      if (holder === record.name) continue;
      yield { field, reason: `${text} overlaps the prefix of node ${holder}`, holder };
    }
    for (const address of this.#addressTable.owners(prefix)) {
      for (const holder of this.#addresses.get(address)!) {
        if (holder === record.name) continue;
        yield { field, reason: `${text} covers ${address}, the address of node ${holder}`, holder };
      }
    }
  }

  #takeAddress(address: string, name: string): void {
    const names = this.#addresses.get(address);
    if (names?.includes(name)) return;
    this.#addresses.set(address, names ? [...names, name] : [name]);
    if (names) return;
    this.#addressTable.add(hostPrefix(parseAddress(address)), address);
  }

  #releaseAddress(address: string, name: string): void {
    const names = this.#addresses.get(address);
    if (!names) return;
    const others = names.filter((other) => other !== name);
    if (others.length > 0) this.#addresses.set(address, others);
    if (others.length > 0) return;
    this.#addresses.delete(address);
    this.#addressTable.remove(hostPrefix(parseAddress(address)));
  }
}

/**
 * Returns true if two nodes with the same address cannot both be accepted. Several nodes may be
 * behind one NAT address, with different ports. But traffic to the address itself can go into one
 * tunnel only.
 */
function cannotShareAddress(a: NodeRecord, b: NodeRecord): boolean {
  return a.port === b.port || a.encryptsNode || b.encryptsNode;
}
