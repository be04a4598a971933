/**
 * @module
 */
import { Endpoint, parseAddress } from '@litz/core';
import type { MeshPeer } from '../membership/mesh-peer.ts';
import { RecordError, type ReadRecord } from '../record/node-record.ts';
import type { Members } from './agent.ts';

export class InterimMembers implements Members {
  #peers: Map<string, MeshPeer> = new Map();
  readonly #own: string;

  constructor(own: string) {
    this.#own = own;
  }

  get peers(): ReadonlyMap<string, MeshPeer> {
    return this.#peers;
  }

  sync(records: ReadonlyMap<string, ReadRecord>): readonly string[] {
    this.#peers = new Map();
    for (const [name, record] of records) this.record(name, record);
    return [];
  }

  record(name: string, record: ReadRecord): readonly string[] {
    if (record instanceof RecordError || name === this.#own) return [];
    const peer = {
      ...record,
      endpoint: new Endpoint(parseAddress(record.addresses[0]!), record.port),
    };
    this.#peers = new Map([...this.#peers, [name, peer]]);
    return [`peer ${name}`];
  }

  gone(name: string): readonly string[] {
    this.#peers = new Map([...this.#peers].filter(([other]) => other !== name));
    return [`gone ${name}`];
  }
}
