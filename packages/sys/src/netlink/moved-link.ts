/**
 * `MovedLink`: a link that is in another namespace, watched from this one.
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
 * Its sockets are of the namespace that the calling thread is in when this is made. Over there nothing
 * is opened, so that the other namespace ends when its owners want it to; the number that it gets here
 * (nsid) holds nothing.
 */
export class MovedLink {
  readonly #netlink: Netlink = new Netlink();
  /** Undefined where it is not permitted. */
  readonly #notices: NetlinkSocket | undefined;
  /** Over there. */
  #index = 0;

  constructor() {
    this.#notices = openNotices();
  }

  /** Readable when the link may have changed; -1: nobody tells (CAP_NET_BROADCAST), or it is closed. */
  get fd(): number {
    return this.#notices?.fd ?? -1;
  }

  /**
   * The link as it is.
   *
   * @param namespace in which it is, borrowed for the call
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
   * Takes away what was heard, so that `fd` is not readable any more; never blocks.
   *
   * @returns whether it may be worth another look
   */
  clear(): boolean {
    if (!this.#notices) return false;
    const messages = this.#notices.notifications();
    return messages === undefined || messages.some((message) => this.#mayConcern(message));
  }

  close(): void {
    this.#notices?.close();
    this.#netlink.close();
  }

  /** Links of several namespaces may have one index: then it is a look too many. */
  #mayConcern({ type, payload }: NetlinkMessage): boolean {
    if (type === RTM_DELNSID) return true;
    if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return false;
    return readLink(payload)?.index === this.#index;
  }
}

function openNotices(): NetlinkSocket | undefined {
  const socket = new NetlinkSocket(RTMGRP_LINK | RTMGRP_NSID);
  try {
    socket.hearOtherNamespaces();
    return socket;
  } catch (error) {
    socket.close();
    if (error instanceof SystemError) return undefined;
    throw error;
  }
}
