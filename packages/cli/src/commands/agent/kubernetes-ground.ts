/**
 * `kubernetesGround`: what Kubernetes knows of this node, for the flags that were left out.
 *
 * @module
 */
import { hostname } from 'node:os';
import {
  DEFAULT_OPT_OUT,
  findKubeAccess,
  followOwnNode,
  KubeApi,
  LabelSelector,
  type KubeNode,
} from '@litz/mesh';
import { Failure } from '../../failure.ts';
import type { AgentFlags } from './agent-flags.ts';

export interface KubernetesGround {
  readonly api: KubeApi;
  /** The same flags, with name, addresses and opt-out filled in. */
  readonly flags: AgentFlags;
}

/** @throws {Failure} the API server can't be asked, or doesn't know the node; what is missing is named */
export async function kubernetesGround(
  flags: AgentFlags,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<KubernetesGround> {
  const { optOut = DEFAULT_OPT_OUT } = flags;
  // A selector that is none is a mistake of the command line, whatever the server says.
  const selector = typeof optOut === 'string' ? new LabelSelector(optOut) : undefined;
  const api = new KubeApi(
    findKubeAccess({
      ...(flags.kubeconfig !== undefined && { kubeconfig: flags.kubeconfig }),
      ...(flags.kubeContext !== undefined && { context: flags.kubeContext }),
    }),
  );
  const name = flags.node ?? env['NODE_NAME'] ?? hostname();
  const node = await ownNode(api, name, signal);
  const isOut = optOut === true || selector?.matches(node.labels) === true;
  const { optOut: _, ...rest } = flags;
  return {
    api,
    flags: {
      ...rest,
      node: name,
      nodeIp: flags.nodeIp ?? firstOfEachFamily(node),
      ...(isOut && flags.encrypt !== 'all' && { optOut: true }),
    },
  };
}

/** Asks until it is told, or the time is over. */
async function ownNode(api: KubeApi, name: string, signal: AbortSignal): Promise<KubeNode> {
  let trouble = 'it does not answer';
  let following: ReturnType<typeof followOwnNode> | undefined;
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await new Promise<KubeNode>((resolve, reject) => {
      const giveUp = (): void => reject(new Failure(`Kubernetes: ${trouble}`));
      signal.addEventListener('abort', giveUp, { once: true });
      timeout.addEventListener('abort', giveUp, { once: true });
      following = followOwnNode(api, name, {
        onNode: (node) => {
          if (node) resolve(node);
          else trouble = `there is no Node ${name}: give --node NAME as kubectl get nodes has it`;
        },
        onTrouble: (text) => {
          trouble = text ?? trouble;
        },
      });
    });
  } finally {
    await following?.stop();
  }
}

function firstOfEachFamily({ name, addresses }: KubeNode): string[] {
  const found = [
    addresses.find((address) => !isIPv6(address)),
    addresses.find((address) => isIPv6(address)),
  ].filter((address) => address !== undefined);
  if (found.length > 0) return found;
  throw new Failure(`Node ${name} has no InternalIP: give --node-ip IP[,IP]`);
}

function isIPv6(address: string): boolean {
  return address.includes(':');
}

const PATIENCE_MS = 30_000;
