/**
 * `NftMonitor`: reports what happens to one table of nftables.
 *
 * ```
 * nfgenmsg: u8 family | u8 version | u16 resource id      the type's upper byte is the subsystem
 * ```
 *
 * @module
 */
import { checkInteger, checkString } from '../arguments.ts';
import { readAttributes, type NetlinkMessage } from './message-reader.ts';
import { NetlinkSocket } from './netlink-socket.ts';

/** A change of a table. `changed`: something in the table is different, maybe everything. */
export type NftTableChange = 'deleted' | 'changed';

/**
 * Watches the network namespace that the calling thread is in when the monitor is made. Wait until
 * `fd` is readable, then call `read`.
 */
export class NftMonitor {
  readonly #socket: NetlinkSocket = new NetlinkSocket(NFNLGRP_NFTABLES, NETLINK_NETFILTER);
  readonly #family: number;
  readonly #table: string;

  /**
   * Opens a monitor.
   *
   * @param family NFPROTO_...: 1 is inet, 2 ip, 10 ip6
   * @throws {SystemError} EPROTONOSUPPORT: the kernel has no nftables
   */
  constructor(family: number, table: string) {
    checkInteger('family', family, 0, 0xff);
    checkString('table', table);
    this.#family = family;
    this.#table = table;
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * Returns the last change of the table since the previous call. Never blocks.
   *
   * @returns undefined if the table did not change; `changed` also if the kernel lost notifications
   */
  read(): NftTableChange | undefined {
    const changes = this.#socket.notifications((message): NftTableChange | undefined => {
      if (!this.#isOurs(message)) return undefined;
      return message.type === DELETE_TABLE ? 'deleted' : 'changed';
    });
    if (changes) return changes.at(-1);
    this.#socket.discardAll();
    return 'changed';
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  /**
   * Whether a message is about the table. Tables, chains, rules and sets all have their table's
   * name in the first attribute.
   */
  #isOurs({ type, payload }: NetlinkMessage): boolean {
    if (type >> 8 !== NFNL_SUBSYS_NFTABLES || type === NEW_GENERATION) return false;
    if (payload.length < HEADER_LENGTH || payload[0] !== this.#family) return false;
    return readAttributes(payload, HEADER_LENGTH).string(NFTA_TABLE) === this.#table;
  }
}

const NETLINK_NETFILTER = 12;
/** The group NFNLGRP_NFTABLES, 7, as a bit: 1 << (7 - 1). */
const NFNLGRP_NFTABLES = 0x40;
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWGEN = 15;
const DELETE_TABLE = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELTABLE;
const NEW_GENERATION = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN;
const HEADER_LENGTH = 4;
const NFTA_TABLE = 1;
