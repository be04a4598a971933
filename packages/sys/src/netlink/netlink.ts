/**
 * Links, addresses, routes and rules of one network namespace, by rtnetlink in our own process.
 *
 * Every method is synchronous: the kernel has done it when the call returns. Addresses are bytes (4
 * or 16), never kept. A `Netlink` works on the namespace that the calling thread was in when it was
 * made, whatever namespace the thread is in later.
 *
 * What it is given is checked first: a wrong type is a `TypeError`, a number out of range or a name
 * that is too long a `RangeError`, each with the argument's name.
 *
 * Errors are `SystemError`s with `syscall` 'RTM_NEWADDR' and the like, and the kernel's own
 * explanation in the message where it gives one.
 *
 * @module
 */
import { checkAddress, checkDescriptor } from '../arguments.ts';
import { ENODEV, ENOENT } from '../constants.ts';
import { SystemError } from '../system-error.ts';
import {
  checkAddressOptions,
  checkFamily,
  checkIndex,
  checkInterfaceAddress,
  checkLinkName,
  checkLinkSettings,
  checkRoute,
  checkRouteAction,
  checkRouteToOptions,
  checkRule,
  checkTable,
  checkVethOptions,
} from './arguments.ts';
import {
  addAddressMessage,
  deleteAddressMessage,
  dumpAddressesMessage,
  readAddress,
  replaceAddressMessage,
  type AddressOptions,
  type AssignedAddress,
  type InterfaceAddress,
} from './interface-address.ts';
import {
  createLinkMessage,
  createVethMessage,
  deleteLinkMessage,
  dumpLinksMessage,
  getLinkMessage,
  readLink,
  setLinkMessage,
  type Link,
  type LinkSettings,
  type VethOptions,
} from './link.ts';
import type { MessageBuilder } from './message-builder.ts';
import type { NetlinkMessage } from './message-reader.ts';
import {
  namespaceNumberMessage,
  NO_NUMBER,
  numberNamespaceMessage,
  readNamespaceNumber,
} from './namespace-number.ts';
import { NetlinkSocket } from './netlink-socket.ts';
import {
  addRouteMessage,
  deleteRouteMessage,
  dumpRoutesMessage,
  dumpTableMessage,
  readRoute,
  readRouteTo,
  replaceRouteMessage,
  routeToMessage,
  type InstalledRoute,
  type Route,
  type RouteTo,
  type RouteToOptions,
} from './route.ts';
import {
  addRuleMessage,
  deleteRuleMessage,
  dumpRulesMessage,
  readRule,
  type InstalledRule,
  type Rule,
} from './rule.ts';
import { RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNSID, RTM_NEWROUTE, RTM_NEWRULE } from './rtnetlink.ts';

/** `replace` adds the route or replaces the one with the same destination, table and metric. */
export interface RouteChange {
  readonly action: 'add' | 'replace' | 'delete';
  readonly route: Route;
}

const ROUTE_MESSAGES = {
  add: addRouteMessage,
  replace: replaceRouteMessage,
  delete: deleteRouteMessage,
} as const;
const EOPNOTSUPP = 95;
const ENETUNREACH = 101;
const EHOSTUNREACH = 113;

export class Netlink {
  readonly #socket: NetlinkSocket = new NetlinkSocket();

  /**
   * Undefined if there is no such link.
   *
   * @param nsid `namespaceNumber` of another namespace to look in (Linux 4.15)
   * @throws {SystemError} EPERM without CAP_NET_ADMIN over there; EINVAL: that namespace is gone
   */
  linkByName(name: string, nsid?: number): Link | undefined {
    checkLinkName('name', name);
    if (nsid !== undefined) checkIndex('nsid', nsid);
    return this.#link(name, nsid);
  }

  /** Undefined if there is no such link. */
  linkByIndex(index: number): Link | undefined {
    checkIndex('index', index);
    return this.#link(index);
  }

  links(): Link[] {
    const answer = this.#socket.request(dumpLinksMessage, 'cannot list links');
    return read(answer, RTM_NEWLINK, readLink);
  }

  setLink(index: number, change: LinkSettings): void {
    checkIndex('index', index);
    checkLinkSettings(change);
    this.#socket.request(() => setLinkMessage(index, change), `cannot change link ${index}`);
  }

  deleteLink(index: number): void {
    checkIndex('index', index);
    this.#socket.request(() => deleteLinkMessage(index), `cannot delete link ${index}`);
  }

  /** Two Ethernet links, back to back: what goes into one comes out of the other. */
  createVeth(name: string, peerName: string, options: VethOptions = {}): void {
    checkLinkName('name', name);
    checkLinkName('peerName', peerName);
    checkVethOptions(options);
    this.#socket.request(
      () => createVethMessage(name, peerName, options),
      `cannot create the veth pair ${name}, ${peerName}`,
    );
  }

  /** A link of a kind that needs no settings of its own: 'dummy', 'bridge', 'wireguard'. */
  createLink(name: string, kind: string): void {
    checkLinkName('name', name);
    checkLinkName('kind', kind);
    this.#socket.request(
      () => createLinkMessage(name, kind),
      `cannot create ${name} of kind ${kind}`,
    );
  }

  addAddress(
    interfaceIndex: number,
    address: InterfaceAddress,
    options: AddressOptions = {},
  ): void {
    checkIndex('interfaceIndex', interfaceIndex);
    checkInterfaceAddress(address);
    checkAddressOptions(options);
    this.#socket.request(
      () => addAddressMessage(interfaceIndex, address, options),
      `cannot add an address to link ${interfaceIndex}`,
    );
  }

  /** As `addAddress`, but an address that is there already is no error. */
  replaceAddress(
    interfaceIndex: number,
    address: InterfaceAddress,
    options: AddressOptions = {},
  ): void {
    checkIndex('interfaceIndex', interfaceIndex);
    checkInterfaceAddress(address);
    checkAddressOptions(options);
    this.#socket.request(
      () => replaceAddressMessage(interfaceIndex, address, options),
      `cannot set an address of link ${interfaceIndex}`,
    );
  }

  deleteAddress(interfaceIndex: number, address: InterfaceAddress): void {
    checkIndex('interfaceIndex', interfaceIndex);
    checkInterfaceAddress(address);
    this.#socket.request(
      () => deleteAddressMessage(interfaceIndex, address),
      `cannot delete an address of link ${interfaceIndex}`,
    );
  }

  /** All addresses, or those of one link. */
  addresses(interfaceIndex?: number): AssignedAddress[] {
    if (interfaceIndex !== undefined) checkIndex('interfaceIndex', interfaceIndex);
    const answer = this.#socket.request(dumpAddressesMessage, 'cannot list addresses');
    const all = read(answer, RTM_NEWADDR, readAddress);
    if (interfaceIndex === undefined) return all;
    return all.filter((address) => address.interfaceIndex === interfaceIndex);
  }

  addRoute(route: Route): void {
    checkRoute(route);
    this.#socket.request(() => addRouteMessage(route), 'cannot add a route');
  }

  replaceRoute(route: Route): void {
    checkRoute(route);
    this.#socket.request(() => replaceRouteMessage(route), 'cannot replace a route');
  }

  deleteRoute(route: Route): void {
    checkRoute(route);
    this.#socket.request(() => deleteRouteMessage(route), 'cannot delete a route');
  }

  /** Routes of both families in all tables, or of those that match. */
  routes(only: { interfaceIndex?: number; table?: number } = {}): InstalledRoute[] {
    if (only.interfaceIndex !== undefined) checkIndex('interfaceIndex', only.interfaceIndex);
    if (only.table !== undefined) checkTable(only.table);
    const answer = this.#socket.request(dumpRoutesMessage, 'cannot list routes');
    return read(answer, RTM_NEWROUTE, readRoute).filter(
      (route) =>
        route.interfaceIndex === (only.interfaceIndex ?? route.interfaceIndex) &&
        route.table === (only.table ?? route.table),
    );
  }

  /**
   * Many changes of routes at once, in order. One that fails doesn't stop the others.
   *
   * @returns for each one its error, or undefined
   */
  changeRoutes(changes: readonly RouteChange[]): (SystemError | undefined)[] {
    for (const { action, route } of changes) {
      checkRouteAction(action);
      checkRoute(route);
    }
    const message = (index: number): MessageBuilder => {
      const { action, route } = changes[index]!;
      return ROUTE_MESSAGES[action](route);
    };
    return this.#socket.requestAll(changes.length, message, 'cannot change a route');
  }

  /** Routes of both families in one table, without reading those of the others (Linux 4.20). */
  tableRoutes(table: number): InstalledRoute[] {
    checkTable(table);
    return ([4, 6] as const).flatMap((family) => {
      try {
        const answer = this.#socket.requestStrictly(
          () => dumpTableMessage(family, table),
          'cannot list the routes of a table',
        );
        return read(answer, RTM_NEWROUTE, readRoute).filter((route) => route.table === table);
      } catch (error) {
        // A table is made with its first route; a kernel without IPv6 has none of that.
        if (isErrno(error, ENOENT) || isErrno(error, EOPNOTSUPP)) return [];
        throw error;
      }
    });
  }

  /**
   * Where a packet to `address` would go, rules considered.
   *
   * @returns undefined if the address cannot be reached, or not from an IPv4 source that this host does
   *   not have (some kernels: EINVAL); whether it has an IPv6 source is not looked at
   * @throws {SystemError} EACCES: a route prohibits it; EINVAL: a route drops it
   */
  routeTo(address: Uint8Array, options: RouteToOptions = {}): RouteTo | undefined {
    checkAddress('address', address);
    checkRouteToOptions(options, address.length);
    try {
      const answer = this.#socket.request(
        () => routeToMessage(address, options),
        'cannot look up a route',
      );
      return read(answer, RTM_NEWROUTE, readRouteTo)[0];
    } catch (error) {
      if (isErrno(error, ENETUNREACH) || isErrno(error, EHOSTUNREACH)) return undefined;
      throw error;
    }
  }

  addRule(rule: Rule): void {
    checkRule(rule);
    this.#socket.request(() => addRuleMessage(rule), 'cannot add a rule');
  }

  deleteRule(rule: Rule): void {
    checkRule(rule);
    this.#socket.request(() => deleteRuleMessage(rule), 'cannot delete a rule');
  }

  /** Rules of both families, or of one, in the order of their priority. */
  rules(family?: 4 | 6): InstalledRule[] {
    if (family !== undefined) checkFamily(family);
    const answer = this.#socket.request(dumpRulesMessage, 'cannot list rules');
    const all = read(answer, RTM_NEWRULE, readRule);
    return family === undefined ? all : all.filter((rule) => rule.family === family);
  }

  /**
   * The number by which this namespace knows another one (nsid), which gets one if it has none. A
   * number holds nothing: the other one ends as if it had none.
   *
   * @param namespace descriptor of the other one
   * @throws {SystemError} EPERM without CAP_NET_ADMIN here
   */
  namespaceNumber(namespace: number): number {
    checkDescriptor('namespace', namespace);
    const known = this.#namespaceNumber(namespace);
    if (known !== undefined) return known;
    this.#socket.request(() => numberNamespaceMessage(namespace), 'cannot number a namespace');
    return this.#namespaceNumber(namespace) ?? NO_NUMBER;
  }

  /** -1 once closed. */
  get fd(): number {
    return this.#socket.fd;
  }

  close(): void {
    this.#socket.close();
  }

  #namespaceNumber(namespace: number): number | undefined {
    const attempt = 'cannot find the number of a namespace';
    const answer = this.#socket.request(() => namespaceNumberMessage(namespace), attempt);
    return read(answer, RTM_NEWNSID, readNamespaceNumber)[0];
  }

  #link(which: number | string, nsid?: number): Link | undefined {
    const attempt = `cannot find link ${which}`;
    try {
      const answer = this.#socket.request(() => getLinkMessage(which, nsid), attempt);
      return read(answer, RTM_NEWLINK, readLink)[0];
    } catch (error) {
      if (isErrno(error, ENODEV)) return undefined;
      throw error;
    }
  }
}

function read<T>(
  answer: NetlinkMessage[],
  type: number,
  reader: (payload: Uint8Array) => T | undefined,
): T[] {
  return answer.flatMap((message) => {
    const value = message.type === type ? reader(message.payload) : undefined;
    return value === undefined ? [] : [value];
  });
}

function isErrno(error: unknown, errno: number): boolean {
  return error instanceof SystemError && error.errnoNumber === errno;
}
