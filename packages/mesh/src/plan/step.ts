/**
 * `Step`: one change of the machine, as plain data, and `describeStep`, which describes it in
 * words.
 *
 * @module
 */
import { formatCidr, type Cidr } from '@litz/core';
import type { MeshRoute } from './mesh-route.ts';
import type { MeshRule } from './mesh-rule.ts';

/** One change of a machine. `describeStep` returns it in words. */
export type Step =
  /**
   * Makes the interface's reverse path filter loose, and switches the generation of IPv6 addresses
   * off.
   */
  | { readonly type: 'prepare-link' }
  | { readonly type: 'set-mtu'; readonly mtu: number }
  | { readonly type: 'set-up' }
  | { readonly type: 'add-address'; readonly address: Readonly<Cidr> }
  | { readonly type: 'delete-address'; readonly address: Readonly<Cidr> }
  /** Adds the route, or replaces the route with the same key. */
  | { readonly type: 'set-route'; readonly route: MeshRoute }
  | { readonly type: 'delete-route'; readonly route: MeshRoute }
  | { readonly type: 'add-rule'; readonly rule: MeshRule }
  | { readonly type: 'delete-rule'; readonly rule: MeshRule }
  /** Replaces the whole ruleset in one transaction. */
  | { readonly type: 'load-ruleset'; readonly ruleset: string }
  | { readonly type: 'remove-ruleset' }
  /** Makes the reverse path filter of another link loose, and saves the former value. */
  | { readonly type: 'loosen-filter'; readonly link: string }
  | { readonly type: 'restore-filter'; readonly link: string };

/** Returns the step in words, to be read after "could not ...". */
export function describeStep(step: Step): string {
  switch (step.type) {
    case 'prepare-link':
      return 'prepare the interface';
    case 'set-mtu':
      return `set the MTU of the interface to ${step.mtu}`;
    case 'set-up':
      return 'set the interface up';
    case 'add-address':
      return `add address ${formatCidr(step.address)}`;
    case 'delete-address':
      return `delete address ${formatCidr(step.address)}`;
    case 'set-route':
      return `set route ${step.route.text}`;
    case 'delete-route':
      return `delete route ${step.route.text}`;
    case 'add-rule':
      return `add rule ${step.rule.text}`;
    case 'delete-rule':
      return `delete rule ${step.rule.text}`;
    case 'load-ruleset':
      return 'load the nftables ruleset';
    case 'remove-ruleset':
      return 'remove the nftables ruleset';
    case 'loosen-filter':
      return `make the reverse path filter of ${step.link} loose`;
    case 'restore-filter':
    default:
      return `restore the reverse path filter of ${step.link}`;
  }
}
