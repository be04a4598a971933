/**
 * `MeshHost`: the machine, as the agent uses it. `LinuxHost` is the real one; a simulation needs no more
 * than this.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { DesiredHost, RoutedPeer } from '../plan/desired-host.ts';
import type { Step } from '../plan/step.ts';
import type { HostFacts } from './host-facts.ts';

/** What `facts` is asked about. */
export interface FactsRequest {
  readonly interfaceName: string;
  readonly port: number;
  readonly table?: number;
  readonly priority?: number;
  /** The peers that are known; with none, the underlay is that of the own addresses. */
  readonly peers?: readonly Pick<RoutedPeer, 'endpoint' | 'prefixes'>[];
  /** Addresses of the own node, as text; default: those of the link that has the default route. */
  readonly nodeAddresses?: readonly string[];
  /** Own prefixes; default: those of the CNI's configuration. */
  readonly prefixes?: readonly Readonly<Cidr>[];
}

/** What was done, and what could not be done. */
export interface Applied {
  readonly steps: readonly Step[];
  /** One sentence each; the rest was done. An `enforce` that can't be held throws instead. */
  readonly troubles: readonly string[];
}

/** Calls come from the event loop, one after the other. */
export interface HostListener {
  /** Somebody took away what had been applied, and it is back. */
  onRepaired(steps: readonly Step[]): void;
  /** The tunnel's interface came (its index), or went (undefined). What hangs on it is laid already. */
  onLink(index: number | undefined): void;
  /** Links, addresses or routes of the underlay may have changed: ask for `facts` again. At most once a second. */
  onUnderlay(): void;
  /** Something that was applied can't be held. It is tried again with the next change. */
  onTrouble(trouble: string): void;
}

export interface MeshHost {
  /** Changes nothing. */
  facts(request: FactsRequest): Promise<HostFacts>;
  /**
   * Makes the machine look like this, and keeps it so from now on. What needs the tunnel's interface
   * waits for it. Calls may overlap: they are done one after the other, and only the last one of those
   * that wait is done.
   *
   * @throws {MeshHostError} `enforce` can't be held here: nothing was changed
   */
  apply(desired: DesiredHost): Promise<Applied>;
  /** One listener; a second call replaces it. */
  watch(listener: HostListener): void;
  /** Leaves the machine as it was before the first `apply`. */
  remove(): Promise<Applied>;
  /** Stops watching, and leaves everything as it is: for the end of the agent alone. */
  close(): void;
}

/** What can not be held on this machine, or not be read of it. */
export class MeshHostError extends Error {
  override readonly name = 'MeshHostError';
}
