/**
 * `Netlink`: links, addresses, routes and rules of one network namespace, through rtnetlink.
 *
 * Every method is synchronous: when it returns, the kernel has made the change. Addresses are bytes
 * (4 or 16) and are never kept. A `Netlink` works on the namespace that the calling thread was in
 * when the `Netlink` was made, even if the thread moves later.
 *
 * Arguments are checked first. A wrong type is a `TypeError`; a number out of range or a name that
 * is too long is a `RangeError`. Both name the argument.
 *
 * Errors are `SystemError`s whose `syscall` is 'RTM_NEWADDR' or similar. The message has the
 * kernel's own explanation if there is one.
 *
 * @module
 */
import { checkAddress, checkDescriptor, checkFunction } from '../arguments.ts';
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
  queryLinkMessage,
  readLink,
  setLinkMessage,
  type Link,
  type LinkSettings,
  type VethOptions,
} from './link.ts';
import type { MessageBuilder } from './message-builder.ts';
import {
  namespaceNumberMessage,
  NO_NUMBER,
  numberNamespaceMessage,
  readNamespaceNumber,
} from './namespace-number.ts';
import { NetlinkSocket, type MessageReader } from './netlink-socket.ts';
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

/**
 * A change of a route. `replace` adds the route, or replaces the route with the same destination,
 * table and metric.
 */
export interface RouteChange {
  /** What to do with the route. */
  readonly action: 'add' | 'replace' | 'delete';
  readonly route: Route;
}

/**
 * Reads and changes links, addresses, routes and rules of one network namespace: the namespace in
 * which the calling thread was when it made the object. All calls are synchronous and throw
 * `SystemError` with the kernel's errno; changes need CAP_NET_ADMIN.
 *
 * @example
 *
 * ```ts
 * import { formatAddress } from '@litz/core';
 * import { Netlink } from '@litz/sys';
 *
 * const netlink = new Netlink();
 * for (const { index, name, up } of netlink.links()) {
 *   const addresses = netlink.addresses(index).map(({ address }) => formatAddress(address));
 *   console.log(name, up, addresses.join(' ')); // lo true 127.0.0.1 ::1
 * }
 * netlink.close();
 * ```
 */
export class Netlink {
  readonly #socket: NetlinkSocket = new NetlinkSocket();

  /**
   * Returns a link; undefined if there is none with this name.
   *
   * @param nsid `namespaceNumber` of another namespace to look in (Linux 4.15)
   * @throws {SystemError} EPERM: no CAP_NET_ADMIN in that namespace; EINVAL: that namespace is gone
   */
  linkByName(name: string, nsid?: number): Link | undefined {
    checkLinkName('name', name);
    if (nsid !== undefined) checkIndex('nsid', nsid);
    return this.#link(name, nsid);
  }

  /** Returns a link; undefined if there is none with this number. */
  linkByIndex(index: number): Link | undefined {
    checkIndex('index', index);
    return this.#link(index);
  }

  /** Returns all links of the namespace. */
  links(): Link[] {
    return this.#socket.request(dumpLinksMessage, 'cannot list links', only(RTM_NEWLINK, readLink));
  }

  /**
   * Changes settings of a link; absent settings stay.
   *
   * @throws {SystemError} ENODEV: there is no such link; EEXIST: the new name is taken
   */
  setLink(index: number, change: LinkSettings): void {
    checkIndex('index', index);
    checkLinkSettings(change);
    this.#socket.request(() => setLinkMessage(index, change), `cannot change link ${index}`);
  }

  /** Deletes a link. @throws {SystemError} ENODEV: there is no such link */
  deleteLink(index: number): void {
    checkIndex('index', index);
    this.#socket.request(() => deleteLinkMessage(index), `cannot delete link ${index}`);
  }

  /** Makes two connected Ethernet links: a packet sent into one comes out of the other. */
  createVeth(name: string, peerName: string, options: VethOptions = {}): void {
    checkLinkName('name', name);
    checkLinkName('peerName', peerName);
    checkVethOptions(options);
    this.#socket.request(
      () => createVethMessage(name, peerName, options),
      `cannot create the veth pair ${name}, ${peerName}`,
    );
  }

  /** Makes a link of a kind that needs no settings: 'dummy', 'bridge', 'wireguard'. */
  createLink(name: string, kind: string): void {
    checkLinkName('name', name);
    checkLinkName('kind', kind);
    this.#socket.request(
      () => createLinkMessage(name, kind),
      `cannot create ${name} of kind ${kind}`,
    );
  }

  /** Adds an address to a link. @throws {SystemError} EEXIST: the link has it already */
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

  /** Like `addAddress`, but if the address exists already, its options are set. */
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

  /** Removes an address. @throws {SystemError} EADDRNOTAVAIL: the link does not have it */
  deleteAddress(interfaceIndex: number, address: InterfaceAddress): void {
    checkIndex('interfaceIndex', interfaceIndex);
    checkInterfaceAddress(address);
    this.#socket.request(
      () => deleteAddressMessage(interfaceIndex, address),
      `cannot delete an address of link ${interfaceIndex}`,
    );
  }

  /** Returns all addresses, or those of one link. */
  addresses(interfaceIndex?: number): AssignedAddress[] {
    if (interfaceIndex !== undefined) checkIndex('interfaceIndex', interfaceIndex);
    const all = this.#socket.request(
      dumpAddressesMessage,
      'cannot list addresses',
      only(RTM_NEWADDR, readAddress),
    );
    if (interfaceIndex === undefined) return all;
    return all.filter((address) => address.interfaceIndex === interfaceIndex);
  }

  /**
   * Adds a route. @throws {SystemError} EEXIST: there is a route with the same destination, table
   * and metric
   */
  addRoute(route: Route): void {
    checkRoute(route);
    this.#socket.request(() => addRouteMessage(route), 'cannot add a route');
  }

  /** Adds a route, or replaces the route with the same destination, table and metric. */
  replaceRoute(route: Route): void {
    checkRoute(route);
    this.#socket.request(() => replaceRouteMessage(route), 'cannot replace a route');
  }

  /** Deletes a route. @throws {SystemError} ESRCH: there is no such route */
  deleteRoute(route: Route): void {
    checkRoute(route);
    this.#socket.request(() => deleteRouteMessage(route), 'cannot delete a route');
  }

  /** Returns the routes of both families in all tables, or those that match `wanted`. */
  routes(wanted: { interfaceIndex?: number; table?: number } = {}): InstalledRoute[] {
    if (wanted.interfaceIndex !== undefined) checkIndex('interfaceIndex', wanted.interfaceIndex);
    if (wanted.table !== undefined) checkTable(wanted.table);
    const { interfaceIndex, table } = wanted;
    return this.#socket.request(
      dumpRoutesMessage,
      'cannot list routes',
      only(RTM_NEWROUTE, (payload) => {
        const route = readRoute(payload);
        const isWanted =
          route?.interfaceIndex === (interfaceIndex ?? route?.interfaceIndex) &&
          route?.table === (table ?? route?.table);
        return isWanted ? route : undefined;
      }),
    );
  }

  /**
   * Makes many changes of routes at once, in order. A change that fails does not stop the others.
   *
   * @returns for each change its error, or undefined if it succeeded
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

  /**
   * Returns the routes of both families in one table, without reading other tables (Linux 4.20).
   *
   * @param convert converts each route while the table is read, so that thousands of routes need
   *   little memory. A route that it converts to undefined is left out. `convert` must not use this
   *   `Netlink`. Default: returns the route
   */
  tableRoutes(table: number): InstalledRoute[];
  tableRoutes<T>(table: number, convert: (route: InstalledRoute) => T | undefined): T[];
  tableRoutes(
    table: number,
    convert: (route: InstalledRoute) => unknown = (route) => route,
  ): unknown[] {
    checkTable(table);
    checkFunction('convert', convert);
    const read = only(RTM_NEWROUTE, (payload) => {
      const route = readRoute(payload);
      return route?.table === table ? convert(route) : undefined;
    });
    return ([4, 6] as const).flatMap((family) => {
      try {
        return this.#socket.requestStrictly(
          () => dumpTableMessage(family, table),
          'cannot list the routes of a table',
          read,
        );
      } catch (error) {
        // A table exists only after its first route; a kernel without IPv6 has no IPv6 routes.
        if (isErrno(error, ENOENT) || isErrno(error, EOPNOTSUPP)) return [];
        throw error;
      }
    });
  }

  /**
   * Returns where a packet to `address` would go, with all rules applied.
   *
   * @returns undefined if the address cannot be reached. Also undefined for an IPv4 source that
   *   this host does not have (on some kernels, the call throws EINVAL). Whether this host has an
   *   IPv6 source is not checked.
   * @throws {SystemError} EACCES: a route prohibits the packet; EINVAL: a route drops the packet
   */
  routeTo(address: Uint8Array, options: RouteToOptions = {}): RouteTo | undefined {
    checkAddress('address', address);
    checkRouteToOptions(options, address.length);
    try {
      return this.#socket.request(
        () => routeToMessage(address, options),
        'cannot look up a route',
        only(RTM_NEWROUTE, readRouteTo),
      )[0];
    } catch (error) {
      if (isErrno(error, ENETUNREACH) || isErrno(error, EHOSTUNREACH)) return undefined;
      throw error;
    }
  }

  /** Adds a policy rule. @throws {SystemError} EEXIST: the rule exists already */
  addRule(rule: Rule): void {
    checkRule(rule);
    this.#socket.request(() => addRuleMessage(rule), 'cannot add a rule');
  }

  /** Deletes a policy rule. @throws {SystemError} ENOENT: there is no such rule */
  deleteRule(rule: Rule): void {
    checkRule(rule);
    this.#socket.request(() => deleteRuleMessage(rule), 'cannot delete a rule');
  }

  /** Returns the rules of both families, or of one, in the order of their priority. */
  rules(family?: 4 | 6): InstalledRule[] {
    if (family !== undefined) checkFamily(family);
    const read = only(RTM_NEWRULE, readRule);
    const all = this.#socket.request(dumpRulesMessage, 'cannot list rules', read);
    return family === undefined ? all : all.filter((rule) => rule.family === family);
  }

  /**
   * Returns the number (nsid) that another namespace has in this namespace. Assigns a number if
   * there is none. A number does not keep the other namespace alive.
   *
   * @param namespace descriptor of the other namespace
   * @throws {SystemError} EPERM: no CAP_NET_ADMIN in this namespace
   */
  namespaceNumber(namespace: number): number {
    checkDescriptor('namespace', namespace);
    const known = this.#namespaceNumber(namespace);
    if (known !== undefined) return known;
    this.#socket.request(() => numberNamespaceMessage(namespace), 'cannot number a namespace');
    return this.#namespaceNumber(namespace) ?? NO_NUMBER;
  }

  /** The descriptor of the socket; -1 after `close`. */
  get fd(): number {
    return this.#socket.fd;
  }

  /** Closes the socket. May be called again. */
  close(): void {
    this.#socket.close();
  }

  #namespaceNumber(namespace: number): number | undefined {
    const attempt = 'cannot find the number of a namespace';
    const read = only(RTM_NEWNSID, readNamespaceNumber);
    return this.#socket.request(() => namespaceNumberMessage(namespace), attempt, read)[0];
  }

  #link(which: number | string, nsid?: number): Link | undefined {
    const attempt = `cannot find link ${which}`;
    try {
      const read = only(RTM_NEWLINK, readLink);
      return this.#socket.request(() => queryLinkMessage(which, nsid), attempt, read)[0];
    } catch (error) {
      if (isErrno(error, ENODEV)) return undefined;
      throw error;
    }
  }
}

/** Returns a reader of the messages of one type. */
function only<T>(type: number, read: (payload: Uint8Array) => T | undefined): MessageReader<T> {
  return (message) => (message.type === type ? read(message.payload) : undefined);
}

function isErrno(error: unknown, errno: number): boolean {
  return error instanceof SystemError && error.errnoNumber === errno;
}

const ROUTE_MESSAGES = {
  add: addRouteMessage,
  replace: replaceRouteMessage,
  delete: deleteRouteMessage,
} as const;
const EOPNOTSUPP = 95;
const ENETUNREACH = 101;
const EHOSTUNREACH = 113;
