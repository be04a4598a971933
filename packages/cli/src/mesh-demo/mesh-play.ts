/**
 * `MeshPlay`: runs the parts of `litz demo mesh` one after the other, and checks the result of
 * each.
 *
 * ```
 *   a ---- b      three nodes, pods 10.244.1.0/24 to 10.244.3.0/24;
 *    \    /       numbered datagrams a -> b, b -> c, c -> a,
 *      c          1,000 per second each, all the time
 * ```
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { MeshNode } from './mesh-node.ts';
import { NumberedStream } from './numbered-stream.ts';
import { Underlay } from './underlay.ts';

export interface MeshPlayOptions {
  readonly write: (text: string) => void;
  /** A folder that contains an empty folder `registry`. */
  readonly folder: string;
  /** Path of the `litz` program. */
  readonly program: string;
}

export class MeshPlay {
  readonly #options: MeshPlayOptions;
  readonly #underlay = new Underlay(PORT);
  readonly #nodes: MeshNode[] = [];
  readonly #streams = new Map<string, NumberedStream>();
  #failures = 0;

  constructor(options: MeshPlayOptions) {
    this.#options = options;
  }

  /**
   * Runs the demo. Returns true if no packet was lost and none was readable while encryption was
   * on. One step of the demo replaces a node. Packets that this node loses do not count.
   */
  async run(): Promise<boolean> {
    this.#say('Three nodes with two pods each, a directory as their registry ...');
    const [a, b, c] = (await Promise.all(
      ['a', 'b', 'c'].map((name, i) => this.#startNode(name, i + 1, i + 1)),
    )) as [MeshNode, MeshNode, MeshNode];
    this.#stream('a -> b', a, b);
    this.#stream('b -> c', b, c);
    this.#stream('c -> a', c, a);
    await this.#showOff();
    await this.#switch('permissive', [a, b, c]);
    await this.#switch('enforce', [a, b, c]);
    await this.#rotate(a);
    await this.#replace(c, [a, b]);
    await this.#verify(a);
    this.#finish();
    return this.#failures === 0;
  }

  async close(): Promise<void> {
    for (const stream of this.#streams.values()) stream.close();
    await Promise.all(this.#nodes.map((node) => node.close()));
    this.#underlay.close();
  }

  async #startNode(name: string, number: number, cable: number): Promise<MeshNode> {
    const { folder, program } = this.#options;
    const node = new MeshNode({ name, number, cable, underlay: this.#underlay, folder, program });
    this.#nodes.push(node);
    await node.startDaemon();
    await node.startAgent();
    return node;
  }

  #stream(name: string, from: MeshNode, to: MeshNode): void {
    this.#streams.get(name)?.close();
    this.#streams.set(name, new NumberedStream(from.pods[0], to.pods[1]));
  }

  async #showOff(): Promise<void> {
    await this.#watch(SHOWN_MS);
    const { plaintext, encrypted } = this.#underlay.count.take();
    this.#say(
      `off         ${plaintext} readable packets of pods between the nodes, ${encrypted} encrypted`,
    );
    this.#check(plaintext > 0, 'no readable packets were seen before encryption was on');
    this.#check(encrypted === 0, 'encrypted packets were seen before encryption was on');
  }

  /** Switches the enforcement of one node after the other, while the streams run. */
  async #switch(enforcement: string, nodes: readonly MeshNode[]): Promise<void> {
    const marks = this.#marks();
    for (const node of nodes) await node.agent(['enforcement', enforcement]);
    await this.#untilConnected(nodes);
    await this.#untilUnreadable();
    await this.#watch(SHOWN_MS);
    const { plaintext, encrypted } = this.#underlay.count.take();
    const lost = await this.#lossSince(marks);
    this.#say(
      `${enforcement.padEnd(11)} ${plaintext} readable, ${encrypted} encrypted; lost during the switch: ${lost.text}`,
    );
    this.#check(plaintext === 0, `readable packets with ${enforcement}`);
    this.#check(encrypted > 0, `nothing encrypted with ${enforcement}`);
    this.#check(lost.sum === 0, `datagrams lost while ${enforcement} was switched on`);
  }

  async #rotate(node: MeshNode): Promise<void> {
    const marks = this.#marks();
    const before = await keyOf(node);
    await node.agent(['rotate-key']);
    const end = performance.now() + ROTATION_MS;
    let after = before;
    while (after === before && performance.now() < end) {
      await sleep(POLL_MS);
      after = await keyOf(node);
    }
    const lost = await this.#lossSince(marks);
    this.#say(`rotation    node ${node.name} has a new key; lost: ${lost.text}`);
    this.#check(after !== before, `node ${node.name} still has its old key`);
    this.#check(lost.sum === 0, 'datagrams lost during the rotation');
  }

  /** Kills the machine of `old`, and starts another one with its name and pods. */
  async #replace(old: MeshNode, others: readonly [MeshNode, MeshNode]): Promise<void> {
    const marks = this.#marks();
    for (const name of ['b -> c', 'c -> a']) {
      this.#streams.get(name)?.close();
      this.#streams.delete(name);
    }
    await old.close();
    const startedAt = performance.now();
    const node = await this.#startNode(old.name, 3, 4);
    await node.agent(['enforcement', 'enforce', '--force']);
    const [a, b] = others;
    this.#stream('b -> c', b, node);
    this.#stream('c -> a', node, a);
    await this.#untilConnected([a, b, node]);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const between = await this.#streams.get('a -> b')!.lossSince(marks.get('a -> b')!);
    this.#say(
      `replaced    node ${old.name} on a new machine, connected after ${seconds} s; lost between the other nodes: ${between.lost} of ${between.sent}`,
    );
    this.#check(between.lost === 0, 'datagrams lost between nodes that were not replaced');
  }

  async #verify(node: MeshNode): Promise<void> {
    try {
      const text = await node.agent(['verify']);
      this.#say(`verify      ${text.trim().split('\n').join('\n            ')}`);
    } catch (error) {
      const { stdout = '', message } = error as { stdout?: string; message: string };
      this.#say(`verify      ${(stdout || message).trim()}`);
      this.#check(false, 'verify did not pass');
    }
  }

  #finish(): void {
    this.#underlay.read();
    const { lostFrames } = this.#underlay;
    if (lostFrames > 0) this.#say(`The capture missed ${lostFrames} frames.`);
    if (this.#failures === 0) {
      this.#say(
        '\nThe pods lost no packets, and none was readable after encryption was switched on.',
      );
    }
  }

  async #untilConnected(nodes: readonly MeshNode[]): Promise<void> {
    const end = performance.now() + CONNECT_MS;
    for (const node of nodes) {
      for (;;) {
        const status = await node.status();
        const waiting = status.peers.filter(({ state }) => state !== 'connected');
        if (waiting.length === 0 && status.peers.length === 2) break;
        if (performance.now() > end) {
          const names = waiting.map(({ name, reason }) => `${name} (${reason ?? 'waiting'})`);
          return this.#check(false, `node ${node.name} is not connected to ${names.join(', ')}`);
        }
        await sleep(POLL_MS);
      }
    }
  }

  /**
   * Waits until no packet is readable, but at most `SETTLE_MS`: readable packets that were sent
   * before the routes changed may still be on the way.
   */
  async #untilUnreadable(): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    do {
      this.#underlay.count.take();
      await this.#watch(QUIET_MS);
    } while (this.#underlay.count.plaintext > 0 && performance.now() < end);
    this.#underlay.count.take();
  }

  /** Lets the streams run for a while, and counts the captured frames. */
  async #watch(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
    this.#underlay.read();
  }

  #marks(): Map<string, number> {
    return new Map([...this.#streams].map(([name, { position }]) => [name, position]));
  }

  async #lossSince(marks: ReadonlyMap<string, number>): Promise<{ sum: number; text: string }> {
    const losses = await Promise.all(
      [...this.#streams].map(([name, stream]) => stream.lossSince(marks.get(name) ?? 0)),
    );
    const sum = losses.reduce((total, { lost }) => total + lost, 0);
    const sent = losses.reduce((total, loss) => total + loss.sent, 0);
    const gap = Math.max(0, ...losses.map(({ longestGapMs }) => longestGapMs));
    return { sum, text: sum === 0 ? `0 of ${sent}` : `${sum} of ${sent}, at most ${gap} ms` };
  }

  #check(isRight: boolean, failure: string): void {
    if (isRight) return;
    this.#failures++;
    this.#say(`FAILED: ${failure}`);
  }

  #say(line: string): void {
    this.#options.write(`${line}\n`);
  }
}

/** Returns the key of a node; during a rotation, the old key. */
async function keyOf(node: MeshNode): Promise<string> {
  const { keys } = (await node.status()).node;
  return keys[0]?.publicKey ?? '';
}

const PORT = 51871;
/** How long the packets of each part are counted. */
const SHOWN_MS = 1000;
const POLL_MS = 50;
/** Encryption is complete when no packet was readable for this long. */
const QUIET_MS = 100;
/** How long to wait at most until encryption is complete. */
const SETTLE_MS = 2000;
/** How long to wait at most until all nodes are connected. */
const CONNECT_MS = 30_000;
/** How long to wait at most for a new key. */
const ROTATION_MS = 15_000;
