/**
 * The loop around an `Engine`, written out: a UDP socket, a timer, and two nodes that send packets.
 *
 * The engine implements the whole protocol, but it opens no socket and reads no clock. The program
 * gives it each input, takes its output, and sleeps until `pollTimeout()`. With other sockets and
 * another clock, the same loop runs in any JavaScript runtime.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { formatAddress, parseAddress } from '@litz/config';
import {
  Endpoint,
  Engine,
  generatePrivateKey,
  nobleProvider,
  publicKeyOf,
  type PublicKey,
} from '@litz/core';
import { textOf, udpPacket } from '../udp-packet.ts';

/**
 * A node of the tunnel. It emits `text` with the text of each packet that comes out of the tunnel.
 */
class Node extends EventEmitter<{ text: [text: string] }> {
  readonly name: string;
  /** The address inside the tunnel. */
  readonly address: string;
  readonly publicKey: PublicKey;
  readonly #engine: Engine = new Engine({ randomBytes: randomFillSync, unixTime: Date.now });
  readonly #socket: Socket = createSocket('udp4');
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(name: string, address: string) {
    super();
    this.name = name;
    this.address = address;
    const privateKey = generatePrivateKey(randomFillSync);
    this.publicKey = publicKeyOf(privateKey, nobleProvider);
    this.#engine.configure({ privateKey }, now());
    this.#socket.on('message', (datagram, from) => {
      const source = new Endpoint(parseAddress(from.address), from.port);
      this.#engine.handleDatagram(datagram, source, now()); // 1. an input ...
      this.#drain(); // ... and all that follows from it
    });
  }

  async listen(): Promise<void> {
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
  }

  addPeer(peer: Node): void {
    const { publicKey } = peer;
    const endpoint = new Endpoint(parseAddress('127.0.0.1'), peer.#socket.address().port);
    const allowedIps = [{ address: parseAddress(peer.address), prefixLength: 32 }];
    this.#engine.configure({ peers: [{ publicKey, endpoint, allowedIps }] }, now());
    this.#drain();
  }

  /** Sends a packet through the tunnel. In a real program, packets come from an interface. */
  send(packet: Uint8Array): void {
    this.#engine.handlePacket(packet, now());
    this.#drain();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  /** Steps 2 to 6 of the loop that the docs of `Engine` describe. Step 1 is an input. */
  #drain(): void {
    const engine = this.#engine;
    // 2. Datagrams to send. The socket gets copies, because it may need the bytes after the engine
    // has reused them.
    for (let t = engine.pollTransmit(); t; t = engine.pollTransmit()) {
      const { address, port } = t.destination;
      this.#socket.send(Buffer.from(t.datagram), port, formatAddress(address));
    }
    // 3. Packets for the interface. Their bytes belong to the engine too, so the text is read at
    // once.
    const texts: string[] = [];
    for (let p = engine.pollPacket(); p; p = engine.pollPacket()) texts.push(textOf(p.packet));
    // 4. Events, for information.
    for (let e = engine.pollEvent(); e; e = engine.pollEvent()) {
      if (e.type === 'session') console.log(`${this.name}: session ${e.state}`);
    }
    // 5. Read the next deadline, which is exact. 6. Sleep until then, or until an input comes.
    clearTimeout(this.#timer);
    const sleep = engine.pollTimeout() - now();
    if (sleep < Infinity) {
      this.#timer = setTimeout(() => this.#timeout(), Math.max(0, Math.ceil(sleep)));
    }
    // Emitted last, because a listener may give the engine its next input.
    for (const text of texts) this.emit('text', text);
  }

  #timeout(): void {
    this.#engine.handleTimeout(now());
    this.#drain();
  }
}

/** Monotonic milliseconds. A daemon needs a clock that continues while the machine sleeps. */
function now(): number {
  return performance.now();
}

const alice = new Node('alice', '10.0.0.1');
const bob = new Node('bob', '10.0.0.2');
await Promise.all([alice.listen(), bob.listen()]);
alice.addPeer(bob);
bob.addPeer(alice);

bob.on('text', (text) => {
  console.log(`bob received: ${text}`);
  bob.send(udpPacket(bob.address, alice.address, 'hello, alice'));
});
alice.on('text', (text) => {
  console.log(`alice received: ${text}`);
  alice.close();
  bob.close();
});
// The packet waits in alice's engine until the handshake is complete.
alice.send(udpPacket(alice.address, bob.address, 'hello, bob'));
