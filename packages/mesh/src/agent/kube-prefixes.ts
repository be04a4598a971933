/**
 * `KubePrefixes`: reads the pod prefixes of this node from Kubernetes: from the Node, from Calico's
 * blocks or from the CiliumNode.
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
import type { FollowOptions, Following } from '../registry/kubernetes/following.ts';
import type { KubeApi } from '../registry/kubernetes/kube-api.ts';
import { followOwnNode, type KubeNode } from '../registry/kubernetes/own-node.ts';
import type { PrefixListener, PrefixSource } from './prefix-source.ts';

/** `node`: the Node's `podCIDRs`. `calico`: Calico's block affinities. `cilium`: the CiliumNode. */
export type KubePrefixKind = 'node' | 'calico' | 'cilium';

/** The prefixes of this node's pods, as Kubernetes knows them. */
export class KubePrefixes implements PrefixSource {
  readonly description: string;
  readonly #api: KubeApi;
  readonly #node: string;
  readonly #kind: KubePrefixKind;
  readonly #options: FollowOptions;
  #following: Following | undefined = undefined;
  #isClosed = false;
  /**
   * The trouble of the connection, of the prefixes that were read, and of Calico's configuration.
   */
  readonly #troubles: {
    connection: string | undefined;
    content: string | undefined;
    calico: string | undefined;
  } = { connection: undefined, content: undefined, calico: undefined };
  #reported: string | undefined = undefined;

  constructor(api: KubeApi, node: string, kind: KubePrefixKind, options: FollowOptions = {}) {
    this.#api = api;
    this.#node = node;
    this.#kind = kind;
    this.#options = options;
    this.description = DESCRIPTIONS[kind];
  }

  follow(listener: PrefixListener): void {
    void this.#checkCalico(listener);
    this.#following = this.#start({
      onPrefixes: (texts) => this.#take(texts, listener),
      onTrouble: (trouble) => {
        this.#troubles.connection = trouble;
        this.#report(listener);
        if (trouble === undefined) void this.#checkCalico(listener);
      },
    });
  }

  close(): void {
    this.#isClosed = true;
    void this.#following?.stop();
  }

  #start(texts: PrefixTextListener): Following {
    const [api, node, options] = [this.#api, this.#node, this.#options];
    if (this.#kind === 'calico') return followCalicoBlocks(api, node, texts, options);
    if (this.#kind === 'cilium') return followCiliumPrefixes(api, node, texts, options);
    const ofNode = {
      onNode: (found: KubeNode | undefined) => texts.onPrefixes(found?.podCidrs ?? []),
      onTrouble: (trouble: string | undefined) => texts.onTrouble(trouble),
    };
    return followOwnNode(api, node, ofNode, options);
  }

  /**
   * Parses the prefixes, which nothing has checked before. While the new prefixes cannot be used,
   * the previous ones stay in use.
   */
  #take(texts: readonly string[], listener: PrefixListener): void {
    let prefixes: Cidr[] = [];
    try {
      prefixes = texts.map((text) => parseCidr(text));
      this.#troubles.content = prefixes.length > 0 ? undefined : `${this.description}: none yet`;
    } catch (error) {
      this.#troubles.content = `${this.description}: ${(error as Error).message}`;
    }
    if (this.#troubles.content === undefined) listener.onPrefixes(prefixes);
    this.#report(listener);
  }

  /**
   * Checks Calico's configuration at the start, and again after each reconnect, because the
   * configuration may have changed.
   */
  async #checkCalico(listener: PrefixListener): Promise<void> {
    if (this.#kind !== 'calico') return;
    this.#troubles.calico = await calicoRefusal(this.#api);
    this.#report(listener);
  }

  #report(listener: PrefixListener): void {
    const { connection, content, calico } = this.#troubles;
    const trouble = connection ?? content ?? calico;
    if (this.#isClosed || trouble === this.#reported) return;
    this.#reported = trouble;
    listener.onTrouble(trouble);
  }
}

const DESCRIPTIONS: Readonly<Record<KubePrefixKind, string>> = {
  node: 'podCIDRs of the Node',
  calico: "Calico's block affinities",
  cilium: 'podCIDRs of the CiliumNode',
};
