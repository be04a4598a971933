/**
 * `Underlay`: the network between the nodes: a router in a namespace of its own, a cable to each
 * node, and a capture on every cable.
 *
 * ```
 *   node a  10.0.1.2 ---- 10.0.1.1  router  10.0.2.1 ---- 10.0.2.2  node b
 * ```
 *
 * @module
 */
import { NetworkNamespace, writeSysctl } from '@litz/sys';
import { PacketSocket } from '@litz/sys/tools';
import { withNetlink } from './pod.ts';
import { UnderlayCount } from './underlay-count.ts';

export class Underlay {
  readonly namespace: NetworkNamespace;
  readonly count: UnderlayCount;
  readonly #taps: PacketSocket[] = [];
  readonly #frame: Uint8Array = new Uint8Array(MAX_FRAME);
  readonly #timer: NodeJS.Timeout;

  /** @param port the UDP port of the nodes' data plane */
  constructor(port: number) {
    this.namespace = NetworkNamespace.create();
    this.namespace.run(() => writeSysctl('net.ipv4.ip_forward', '1'));
    this.count = new UnderlayCount(port);
    this.#timer = setInterval(() => this.read(), READ_INTERVAL_MS);
  }

  /** Connects a node, with a route to its pods. Returns the address of the node, 4 bytes. */
  connect(node: NetworkNamespace, number: number, pods: Uint8Array): Uint8Array {
    const [here, there] = [Uint8Array.of(10, 0, number, 1), Uint8Array.of(10, 0, number, 2)];
    withNetlink(this.namespace, (netlink) => {
      netlink.createVeth(`node${number}`, 'eth0', { peerNetns: node.fd });
      const { index } = netlink.linkByName(`node${number}`)!;
      netlink.addAddress(index, { address: here, prefixLength: 24 });
      netlink.setLink(index, { up: true });
      const route = { destination: pods, prefixLength: 24, gateway: there, interfaceIndex: index };
      netlink.replaceRoute(route);
      this.#taps.push(this.namespace.run(() => new PacketSocket(index)));
    });
    withNetlink(node, (netlink) => {
      const { index } = netlink.linkByName('eth0')!;
      netlink.addAddress(index, { address: there, prefixLength: 24 });
      netlink.setLink(index, { up: true });
      netlink.addRoute({
        destination: ANYWHERE,
        prefixLength: 0,
        gateway: here,
        interfaceIndex: index,
      });
    });
    return there;
  }

  /** Counts the captured frames. */
  read(): void {
    for (const tap of this.#taps) {
      for (;;) {
        const length = tap.read(this.#frame);
        if (length === 0) break;
        // A frame that the router forwards is counted where it came in.
        if (tap.outgoing) continue;
        this.count.add(this.#frame.subarray(0, Math.min(length, MAX_FRAME)));
      }
    }
  }

  /** How many frames were lost because they were not read in time. */
  get lostFrames(): number {
    return this.#taps.reduce((sum, tap) => sum + tap.drops, 0);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const tap of this.#taps) tap.close();
    this.namespace.close();
  }
}

const ANYWHERE = new Uint8Array(4);
const READ_INTERVAL_MS = 5;
/** More bytes than the longest super-packet and its Ethernet header. */
const MAX_FRAME = 68 * 1024;
