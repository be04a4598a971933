/**
 * `Host`: the operations on the machine that are needed to bring a tunnel up. Tests use an
 * implementation that simulates a machine.
 *
 * @module
 */
import type { DnsSettings } from './dns-settings.ts';
import type { HostFacts } from './plan.ts';
import type { Prefix } from './prefix.ts';
import type { HookOptions } from './run-hook.ts';
import type { PolicyRule } from './step.ts';

/** All methods except `runHook` are synchronous. `link` and `tunnel` are names of interfaces. */
export interface Host {
  /** Whether an interface has this name. */
  hasLink(name: string): boolean;
  /**
   * Returns the facts that a plan depends on.
   *
   * @param endpoints addresses of 4 or 16 bytes, borrowed for the call
   */
  facts(endpoints: readonly Uint8Array[]): HostFacts;
  /** Adds an address to an interface. */
  addAddress(link: string, address: Prefix): void;
  /** Sets an interface up. @param mtu in bytes */
  setUp(link: string, mtu: number): void;
  /**
   * Whether packets pass in both directions, with each address of the interface. This becomes true
   * only some time after the link went up.
   */
  isUsable(link: string): boolean;
  /** Adds a route through an interface. @param table number of the routing table */
  addRoute(link: string, destination: Prefix, table: number): void;
  /** Deletes an address, if it exists. */
  deleteAddress(link: string, address: Prefix): void;
  /** Deletes a route through an interface, if it exists. */
  deleteRoute(link: string, destination: Prefix, table: number): void;
  /** Adds a policy rule. */
  addRule(rule: PolicyRule): void;
  /** Deletes a policy rule, if it exists. */
  deleteRule(rule: PolicyRule): void;
  /**
   * Makes the reverse path filter of `link` loose while `tunnel` exists. The tunnel's interface
   * must exist already.
   */
  loosenFilter(link: string, tunnel: string): void;
  /** Restores the reverse path filter of `link`, unless another tunnel needs it loose. */
  restoreFilter(link: string, tunnel: string): void;
  /**
   * Sets a kernel setting.
   *
   * @param name 'net.ipv4.ip_forward', or with slashes instead of all dots
   */
  setSysctl(name: string, value: string): void;
  /** Sets the DNS servers that are used while a tunnel is up. */
  setDns(tunnel: string, dns: DnsSettings): void;
  /**
   * Restores the DNS servers from before the tunnel.
   *
   * @returns a line for the user if something could not be restored
   */
  restoreDns(tunnel: string): string | undefined;
  /** Runs a hook; see `runHook`. */
  runHook(command: string, options: HookOptions & { readonly signal?: AbortSignal }): Promise<void>;
  /** Releases the resources that `facts` and the changes use. */
  close(): void;
}
