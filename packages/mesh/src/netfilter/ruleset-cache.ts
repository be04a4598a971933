/**
 * `RulesetCache`: keeps the text of the last ruleset. A node that joins rarely changes the ruleset,
 * so nearly every call returns the same text.
 *
 * @module
 */
import { LastResult } from '../plan/last-result.ts';
import { meshRuleset, type RulesetRequest } from './mesh-ruleset.ts';

export class RulesetCache {
  readonly #text: LastResult<string> = new LastResult();

  /**
   * Returns `meshRuleset(request)`. Lists are compared by identity: a caller who changes one must
   * pass a new list.
   */
  textFor(request: RulesetRequest): string {
    return this.#text.for(inputsOf(request), () => meshRuleset(request));
  }
}

/**
 * Returns everything that `meshRuleset` reads, except the tunnel's addresses, which follow from
 * this node's prefixes.
 */
function inputsOf(request: RulesetRequest): readonly unknown[] {
  const { interfaceName, port, enforcement, clusterPrefixes, own, registryAddresses } = request;
  const { underlayLinks, mtu, mtu4, withNodes } = request;
  return [
    interfaceName,
    port,
    enforcement,
    clusterPrefixes,
    own.prefixes,
    own.addresses,
    registryAddresses,
    underlayLinks,
    mtu,
    mtu4,
    withNodes,
  ];
}
