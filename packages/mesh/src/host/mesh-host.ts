/**
 * `MeshHost`: the interface between the agent and its machine. `LinuxHost` implements it for Linux;
 * a simulation implements the same interface.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { DesiredHost, RoutedPeer, Underlay } from '../plan/desired-host.ts';
import type { Step } from '../plan/step.ts';

/** The parameters of `underlay`. */
export interface UnderlayRequest {
  readonly interfaceName: string;
  /** The known peers. Without peers, the links that have this node's addresses are the underlay. */
  readonly peers?: readonly Pick<RoutedPeer, 'endpoint' | 'prefixes'>[];
  /**
   * Addresses of this node, as text. Default: `underlay` uses the links of the default routes, and
   * `facts` takes one address of each family from the underlay's links.
   */
  readonly nodeAddresses?: readonly string[];
}

/** The parameters of `LinuxHost.facts`. */
export interface FactsRequest extends UnderlayRequest {
  readonly port: number;
  /** Prefixes of this node's pods; default: the prefixes in the CNI's configuration. */
  readonly prefixes?: readonly Readonly<Cidr>[];
}

/** The result of `apply` and `remove`. */
export interface Applied {
  /**
   * All steps of the plan, also steps that failed, and steps that were not carried out because
   * `nft` failed.
   */
  readonly steps: readonly Step[];
  /** One sentence for each step that failed or feature that is missing. */
  readonly troubles: readonly string[];
}

/** The host calls these functions from the event loop, one at a time. */
export interface HostListener {
  /** Another program changed the applied state. These steps restored it. */
  onRepaired(steps: readonly Step[]): void;
  /**
   * The tunnel's interface appeared or went away. If it appeared, `index` is its index, and its
   * routes and rules are set already. If it went away, `index` is undefined.
   */
  onLink(index: number | undefined): void;
  /**
   * Links, addresses or routes of the underlay may have changed, so the caller should call
   * `underlay` again. Called at most once a second.
   */
  onUnderlay(): void;
  /**
   * A repair failed; the text is one sentence. The host tries the repair again after the next
   * change.
   */
  onTrouble(trouble: string): void;
}

/** The machine that an agent changes: its routes, rules, filters and addresses. */
export interface MeshHost {
  /** Finds the links that lead to the peers, and their MTU. It changes nothing. */
  underlay(request: UnderlayRequest): Promise<Underlay>;
  /**
   * Brings the machine into the desired state, and keeps it in that state after `watch` was called.
   * Steps that need the tunnel's interface are left out until the interface is there. Calls may
   * overlap. The host carries out one call at a time. If several calls wait, it carries out only
   * the last of them, and all waiting calls get its result.
   *
   * @throws {MeshHostError} `enforce` does not work on this machine, the table or the priority
   *   differs from that of the host, or the host is closed; nothing was changed
   */
  apply(desired: DesiredHost): Promise<Applied>;
  /** Begins to follow changes of the machine. There is one listener; a second call replaces it. */
  watch(listener: HostListener): void;
  /** Undoes all changes: the machine is then as it was before the first `apply`. */
  remove(): Promise<Applied>;
  /** Stops watching. It changes nothing, because the routes and rules stay when an agent ends. */
  close(): void;
}

/** The desired state does not work on this machine, or the machine's state could not be read. */
export class MeshHostError extends Error {
  override readonly name = 'MeshHostError';
}
