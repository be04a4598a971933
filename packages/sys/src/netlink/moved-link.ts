/**
 * `MovedLink`: watches a link in another network namespace.
 *
 * @module
 */
import { checkObject } from '../arguments.ts';
import { ENODEV } from '../constants.ts';
import type { NetworkNamespace } from '../network-namespace.ts';
import { SystemError } from '../system-error.ts';
import { readLink, type Link } from './link.ts';
import type { NetlinkMessage } from './message-reader.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import { Netlink } from './netlink.ts';
import { RTM_DELLINK, RTM_DELNSID, RTM_NEWLINK, RTMGRP_LINK, RTMGRP_NSID } from './rtnetlink.ts';

/**
 * Watches a link in another namespace, with sockets of the namespace that the calling thread is in
 * when this object is made. The other namespace is not kept alive, because nothing is opened in it,
 * and the number that it gets (nsid) does not count as a use.
 */
export class MovedLink {
  readonly #netlink: Netlink = new Netlink();
  /** Undefined if watching other namespaces is not permitted. */
  readonly #notices: NetlinkSocket | undefined;
  /** Number of the link in its namespace. */
  #index = 0;

  constructor() {
    this.#notices = openNotices();
  }

  /**
   * Readable when the link may have changed. -1: the kernel does not report changes (that needs
   * CAP_NET_BROADCAST), or this object is closed.
   */
  get fd(): number {
    return this.#notices?.fd ?? -1;
  }

  /**
   * Returns the current state of the link.
   *
   * @param namespace the namespace of the link, borrowed for the call
   * @throws {SystemError} EPERM, ENODEV; EINVAL: the kernel is older than 4.15
   */
  look(namespace: NetworkNamespace, name: string): Link {
    checkObject('namespace', namespace);
    const link = this.#netlink.linkByName(name, this.#netlink.namespaceNumber(namespace.fd));
    if (!link) throw new SystemError('RTM_GETLINK', ENODEV, `cannot find ${name}`);
    this.#index = link.index;
    return link;
  }

  /**
   * Reads and discards the queued notifications. Call this when `fd` is readable. Never blocks.
   *
   * @returns whether the link may have changed
   */
  clear(): boolean {
    if (!this.#notices) return false;
    const found = this.#notices.notifications((message) => this.#mayConcern(message) || undefined);
    return found === undefined || found.length > 0;
  }

  /** Closes the sockets. May be called again. */
  close(): void {
    this.#notices?.close();
    this.#netlink.close();
  }

  /**
   * Whether a message may be about this link. Links of several namespaces can have the same number;
   * then the message may be about another link.
   */
  #mayConcern({ type, payload }: NetlinkMessage): boolean {
    if (type === RTM_DELNSID) return true;
    if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return false;
    return readLink(payload)?.index === this.#index;
  }
}

function openNotices(): NetlinkSocket | undefined {
  const socket = new NetlinkSocket(RTMGRP_LINK | RTMGRP_NSID);
  try {
    socket.receiveFromAllNamespaces();
    return socket;
  } catch (error) {
    socket.close();
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
