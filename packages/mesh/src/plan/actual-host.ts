/**
 * `ActualHost`: the present state of the machine, as far as a plan needs it. Plain data.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { MeshRoute } from './mesh-route.ts';
import type { MeshRule } from './mesh-rule.ts';

/** The present state of a machine, as far as `plan` needs it. */
export interface ActualHost {
  /** The tunnel's interface; undefined while there is none. */
  readonly link: ActualLink | undefined;
  /**
   * All routes of the mesh's table, by key. The text of a route of another program differs from the
   * text of every route of the mesh.
   */
  readonly routes: ReadonlyMap<string, MeshRoute>;
  /** The rules of the mesh, by text: the rules that lead to its table, and the exceptions. */
  readonly rules: ReadonlyMap<string, MeshRule>;
  /** Links whose reverse path filter this agent or an earlier agent has made loose. */
  readonly looseLinks: ReadonlySet<string>;
  /** Links of `DesiredHost.looseLinks` that exist and whose reverse path filter is strict. */
  readonly strictLinks: ReadonlySet<string>;
  /**
   * The nftables ruleset as it was loaded; undefined: there is none. `CHANGED_RULESET`: another
   * program changed it, or an earlier agent loaded it.
   */
  readonly ruleset: string | undefined;
}

/** The present state of the tunnel's interface. `mtu`: in bytes. */
export interface ActualLink {
  readonly index: number;
  readonly up: boolean;
  readonly mtu: number;
  /** Addresses, without the link-local addresses, which the kernel adds by itself. */
  readonly addresses: readonly Readonly<Cidr>[];
  /** Whether its reverse path filter is loose and the kernel generates no IPv6 address for it. */
  readonly prepared: boolean;
}

/**
 * Stands for an unknown ruleset. It is equal to no desired ruleset, so the plan loads the ruleset
 * again.
 */
export const CHANGED_RULESET = '';
