/**
 * `ActualHost`: what of the machine the plan looks at. Plain data.
 *
 * @module
 */
import type { Cidr } from '@litz/core';
import type { MeshRoute } from './mesh-route.ts';
import type { MeshRule } from './mesh-rule.ts';

export interface ActualHost {
  /** The tunnel's interface; undefined while there is none. */
  readonly link: ActualLink | undefined;
  /** All of the table, by key. A route that can't be ours has a text that is none of ours. */
  readonly routes: ReadonlyMap<string, MeshRoute>;
  /** Those of the mesh, by text: to the table, and the exceptions. */
  readonly rules: ReadonlyMap<string, MeshRule>;
  /** Links whose reverse path filter is loose for the mesh. */
  readonly looseLinks: ReadonlySet<string>;
  /** Links of `DesiredHost.looseLinks` that are there and strict. */
  readonly strictLinks: ReadonlySet<string>;
  /** The ruleset as it was loaded; undefined: none. `CHANGED_RULESET`: somebody changed it. */
  readonly ruleset: string | undefined;
}

export interface ActualLink {
  readonly index: number;
  readonly up: boolean;
  readonly mtu: number;
  /** Without those that the kernel makes by itself (link-local ones). */
  readonly addresses: readonly Readonly<Cidr>[];
  /** Its reverse path filter is loose, and it makes no IPv6 address of its own. */
  readonly prepared: boolean;
}

/** Equal to no ruleset. */
export const CHANGED_RULESET = '';
