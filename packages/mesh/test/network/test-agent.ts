/**
 * `TestAgent`: `litz agent` on a node of a network, as a process.
 *
 * @module
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { formatCidr } from '@litz/core';
import {
  sendControlRequest,
  controlPath,
  type ControlRequest,
  type MeshStatus,
} from '../../src/index.ts';
import { LITZ, type TestNode } from './test-node.ts';
import { PODS4, PODS6 } from './wire.ts';

export interface TestAgentOptions {
  /** The registry, the same for all nodes. */
  readonly registryFolder: string;
  /** The addresses of the node; default: its addresses in the network. */
  readonly addresses?: readonly string[];
  /** Passes the addresses of both families. Default: only the address of the datagrams' family. */
  readonly isDual?: boolean;
  /** More arguments. */
  readonly words?: readonly string[];
}

export class TestAgent {
  readonly node: TestNode;
  readonly #options: TestAgentOptions;
  #process: ChildProcess;
  #text = '';

  constructor(node: TestNode, options: TestAgentOptions) {
    this.node = node;
    this.#options = options;
    this.#process = this.#start();
  }

  /** The output of the agent so far. */
  get text(): string {
    return this.#text;
  }

  /** @throws {Error} (rejects) the agent does not answer or refuses the request */
  async ask(request: ControlRequest): Promise<unknown> {
    return sendControlRequest(
      controlPath('litz0', join(this.node.namespace.folder, '/run/litz')),
      request,
    );
  }

  async status(): Promise<MeshStatus> {
    return (await this.ask({ command: 'status' })) as MeshStatus;
  }

  /**
   * Waits until a status fulfils the condition. @throws {Error} (rejects) no status does so in
   * time; the message has the output
   */
  async shows(holds: (status: MeshStatus) => boolean, longestMs = 60_000): Promise<void> {
    const end = performance.now() + longestMs;
    let last = '';
    while (performance.now() < end) {
      try {
        const status = await this.status();
        if (holds(status)) return;
        last = JSON.stringify(status.peers);
      } catch (error) {
        last = (error as Error).message;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(
      `node ${this.node.number} is not in the expected state: ${last}\n${this.#text}`,
    );
  }

  async untilPeersAnswered(count: number): Promise<void> {
    await this.shows(({ peers }) => connected(peers) >= count);
  }

  /** Kills the process with SIGKILL. Resolves when it has ended. */
  async kill(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  /** Starts the agent again after it was killed. */
  restart(): void {
    this.#process = this.#start();
  }

  #start(): ChildProcess {
    const { node } = this;
    const { registryFolder, isDual = false, words = [] } = this.#options;
    const known = isDual ? [node.address, node.address6] : [node.endpointAddress];
    const { addresses = known } = this.#options;
    const who = ['--registry', `file:${registryFolder}`, '--node', `node-${node.number}`];
    const prefixes = ['--prefixes', `static:${node.prefixes.map(formatCidr).join(',')}`];
    const where = ['--node-ip', addresses.join(','), ...prefixes];
    const rest = ['--cluster-prefix', `${PODS4},${PODS6}`, ...words];
    const child = node.namespace.start(process.execPath, LITZ, 'agent', ...who, ...where, ...rest);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (more: string) => (this.#text += more));
    }
    return child;
  }
}

/** Starts an agent on each node, whose daemon must run, and waits until all peers have answered. */
export async function startAgents(
  nodes: readonly TestNode[],
  options: TestAgentOptions,
): Promise<TestAgent[]> {
  const agents = nodes.map((node) => new TestAgent(node, options));
  for (const agent of agents) await agent.untilPeersAnswered(nodes.length - 1);
  return agents;
}

function connected(peers: MeshStatus['peers']): number {
  return peers.filter(({ state }) => state === 'connected').length;
}
