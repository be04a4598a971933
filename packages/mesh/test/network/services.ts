/**
 * Makes the rules of kube-proxy for a service: a ClusterIP and a NodePort of one pod.
 *
 * @module
 */
import type { TestNode } from './test-node.ts';
import { PODS4 } from './wire.ts';

export const CLUSTER_IP = '10.96.0.10';
export const NODE_PORT = 30080;

export type ProxyMode = 'nftables' | 'iptables-nft' | 'iptables-legacy';

/**
 * Adds the rules to a node.
 *
 * @param backend address of the pod, which serves port 80
 * @param by the program with which kube-proxy would add the rules
 */
export function layServices(node: TestNode, backend: string, by: ProxyMode = 'nftables'): void {
  const { namespace } = node;
  namespace.ip('route add 10.96.0.0/16 dev eth0');
  if (by === 'nftables') {
    namespace.input('nft', tableFor(backend));
    return;
  }
  for (const rule of rulesFor(backend)) namespace.run(by, '-w', '-t', 'nat', ...rule.split(' '));
}

/** Returns rules for nft. Requests to a ClusterIP keep their source address. */
function tableFor(backend: string): string {
  return `table ip kube-proxy {
    chain prerouting {
      type nat hook prerouting priority dstnat
      ip daddr ${CLUSTER_IP} tcp dport 80 dnat to ${backend}:80
      fib daddr type local tcp dport ${NODE_PORT} meta mark set meta mark or 0x4000 dnat to ${backend}:80
    }
    chain output {
      type nat hook output priority -100
      ip daddr ${CLUSTER_IP} tcp dport 80 dnat to ${backend}:80
    }
    chain postrouting {
      type nat hook postrouting priority srcnat
      meta mark & 0x4000 == 0x4000 masquerade
    }
  }`;
}

/**
 * Returns rules for iptables. They contain the prefix of the pods, as in most clusters. So requests
 * to a ClusterIP that do not come from a pod are masqueraded.
 */
function rulesFor(backend: string): string[] {
  return [
    '-N KUBE-SERVICES',
    '-N KUBE-NODEPORTS',
    '-N KUBE-MARK-MASQ',
    '-N KUBE-POSTROUTING',
    '-N KUBE-SVC',
    '-A PREROUTING -j KUBE-SERVICES',
    '-A OUTPUT -j KUBE-SERVICES',
    '-A POSTROUTING -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    `-A KUBE-SERVICES -d ${CLUSTER_IP}/32 -p tcp --dport 80 ! -s ${PODS4} -j KUBE-MARK-MASQ`,
    `-A KUBE-SERVICES -d ${CLUSTER_IP}/32 -p tcp --dport 80 -j KUBE-SVC`,
    '-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    `-A KUBE-NODEPORTS -p tcp --dport ${NODE_PORT} -j KUBE-MARK-MASQ`,
    `-A KUBE-NODEPORTS -p tcp --dport ${NODE_PORT} -j KUBE-SVC`,
    `-A KUBE-SVC -p tcp -j DNAT --to-destination ${backend}:80`,
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
    '-A KUBE-POSTROUTING -j MASQUERADE --random-fully',
  ];
}
