/**
 * `Host`: what bringing a tunnel up needs from the machine, so that it can be tried without one.
 *
 * @module
 */
import type { HostFacts } from './plan.ts';
import type { Prefix } from './prefix.ts';
import type { PolicyRule } from './step.ts';

export interface Host {
  hasLink(name: string): boolean;
  /** @param endpoints 4 or 16 bytes each, borrowed for the call */
  facts(endpoints: readonly Uint8Array[]): HostFacts;
  addAddress(link: string, address: Prefix): void;
  setUp(link: string, mtu: number): void;
  /** Whether packets pass both ways, by all addresses: some time after the link went up. */
  isUsable(link: string): boolean;
  addRoute(link: string, destination: Prefix, table: number): void;
  addRule(rule: PolicyRule): void;
  /** One that is gone already is no error. */
  deleteRule(rule: PolicyRule): void;
  /** Makes the reverse path filter of `link` loose for the time of a tunnel, which is there already. */
  loosenFilter(link: string, tunnel: string): void;
  /** As it was, unless another tunnel than this needs it loose. */
  restoreFilter(link: string, tunnel: string): void;
  /** @param name 'net.ipv4.ip_forward', or all with slashes. */
  setSysctl(name: string, value: string): void;
  close(): void;
}
