/**
 * `LinkMonitor`: reports what happens to one link.
 *
 * @module
 */
import { ENODEV } from '../constants.ts';
import { SystemError } from '../system-error.ts';
import { checkIndex } from './arguments.ts';
import { readLink, type Link } from './link.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { Netlink } from './netlink.ts';
import { RTM_DELLINK, RTM_NEWLINK, RTMGRP_LINK } from './rtnetlink.ts';

/**
 * A change of a link. `gone`: the link was deleted or moved to another network namespace. In the
 * namespace of the monitor, both look the same.
 */
export type LinkChange =
  | { readonly type: 'up' }
  | { readonly type: 'down' }
  | { readonly type: 'mtu'; readonly mtu: number }
  | { readonly type: 'renamed'; readonly name: string }
  | { readonly type: 'gone' };

/**
 * Watches a link in the network namespace that the calling thread is in when the monitor is made.
 * Wait until `fd` is readable, then call `read`.
 */
export class LinkMonitor {
  readonly #socket: NetlinkSocket;
  /** Reads the link's state again after notifications were lost. */
  readonly #netlink: Netlink;
  #link: Link;
  #gone = false;

  /** @throws {SystemError} ENODEV: there is no such link */
  constructor(interfaceIndex: number) {
    checkIndex('interfaceIndex', interfaceIndex);
    // Subscribes first, so that no change between the first state and the first notification is
    // missed.
    this.#socket = new NetlinkSocket(RTMGRP_LINK);
    this.#netlink = new Netlink();
    const link = this.#netlink.linkByIndex(interfaceIndex);
    if (!link) {
      this.close();
      throw new SystemError('RTM_GETLINK', ENODEV, `cannot watch link ${interfaceIndex}`);
    }
    this.#link = link;
  }

  /** -1 after `close`. */
  get fd(): number {
    return this.#socket.fd;
  }

  /**
   * The state of the link as `read` has last received it. Changes of `running` are not reported by
   * `read`, but they are in this state.
   */
  get link(): Link {
    return this.#link;
  }

  /**
   * Returns the changes since the last call, oldest first. Never blocks. After `gone` there are no
   * more changes.
   */
  read(): LinkChange[] {
    const states = this.#socket.notifications(({ type, payload }) => {
      if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined;
      const link = readLink(payload);
      return link?.index === this.#link.index ? { link, gone: type === RTM_DELLINK } : undefined;
    });
    if (!states) return this.#resynchronize();
    return states.flatMap(({ link, gone }) => this.#update(gone ? undefined : link));
  }

  /** Closes the sockets. May be called again. */
  close(): void {
    this.#socket.close();
    this.#netlink.close();
  }

  #resynchronize(): LinkChange[] {
    // Queued notifications are older than the state that is read next.
    this.#socket.discardAll();
    return this.#update(this.#netlink.linkByIndex(this.#link.index));
  }

  #update(link: Link | undefined): LinkChange[] {
    if (this.#gone) return [];
    if (!link) {
      this.#gone = true;
      return [{ type: 'gone' }];
    }
    const before = this.#link;
    this.#link = link;
    const changes: LinkChange[] = [];
    if (link.name !== before.name) changes.push({ type: 'renamed', name: link.name });
    if (link.mtu !== before.mtu) changes.push({ type: 'mtu', mtu: link.mtu });
    if (link.up !== before.up) changes.push({ type: link.up ? 'up' : 'down' });
    return changes;
  }
}
