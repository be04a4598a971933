/**
 * `KubePrefixes`: the own pod prefixes as an object of Kubernetes has them: the Node, Calico's blocks or the
 * CiliumNode.
 *
 * @module
 */
import { parseCidr, type Cidr } from '@litz/core';
import {
  calicoRefusal,
  followCalicoBlocks,
  followCiliumPrefixes,
  type PrefixTextListener,
} from '../registry/kubernetes/cni-prefixes.ts';
import type { Following } from '../registry/kubernetes/following.ts';
import type { KubeApi } from '../registry/kubernetes/kube-api.ts';
import { followOwnNode } from '../registry/kubernetes/own-node.ts';
import type { PrefixListener, PrefixSource } from './prefix-source.ts';

export type KubePrefixKind = 'node' | 'calico' | 'cilium';

export class KubePrefixes implements PrefixSource {
  readonly description: string;
  readonly #api: KubeApi;
  readonly #node: string;
  readonly #kind: KubePrefixKind;
  #following: Following | undefined = undefined;
  #isClosed = false;

  constructor(api: KubeApi, node: string, kind: KubePrefixKind) {
    this.#api = api;
    this.#node = node;
    this.#kind = kind;
    this.description = DESCRIPTIONS[kind];
  }

  follow(listener: PrefixListener): void {
    void this.#follow(listener);
  }

  close(): void {
    this.#isClosed = true;
    void this.#following?.stop();
  }

  async #follow(listener: PrefixListener): Promise<void> {
    const refusal = this.#kind === 'calico' ? await calicoRefusal(this.#api) : undefined;
    if (this.#isClosed) return;
    const texts = toPrefixes(listener, refusal, this.description);
    this.#following = this.#start(texts);
  }

  #start(texts: PrefixTextListener): Following {
    const [api, node] = [this.#api, this.#node];
    if (this.#kind === 'calico') return followCalicoBlocks(api, node, texts);
    if (this.#kind === 'cilium') return followCiliumPrefixes(api, node, texts);
    return followOwnNode(api, node, {
      onNode: (found) => {
        if (found) texts.onPrefixes(found.podCidrs);
        else texts.onTrouble(`there is no Node ${node}`);
      },
      onTrouble: (trouble) => texts.onTrouble(trouble),
    });
  }
}

/** Nobody has checked the texts; what is none of ours to mend is said. */
function toPrefixes(
  listener: PrefixListener,
  refusal: string | undefined,
  source: string,
): PrefixTextListener {
  return {
    onTrouble: (trouble) => listener.onTrouble(trouble),
    onPrefixes: (texts) => {
      const prefixes: Cidr[] = [];
      for (const text of texts) {
        try {
          prefixes.push(parseCidr(text));
        } catch (error) {
          return listener.onTrouble(`${source}: ${(error as Error).message}`);
        }
      }
      if (prefixes.length === 0) return listener.onTrouble(`${source} has none yet`);
      listener.onPrefixes(prefixes);
      listener.onTrouble(refusal);
    },
  };
}

const DESCRIPTIONS: Readonly<Record<KubePrefixKind, string>> = {
  node: 'podCIDRs of the Node',
  calico: "Calico's block affinities",
  cilium: 'podCIDRs of the CiliumNode',
};
