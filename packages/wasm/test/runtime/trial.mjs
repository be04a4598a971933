/**
 * The trial for each runtime. It compares the cryptography in WebAssembly with noble, and sends a
 * packet through a tunnel between two engines.
 */
import { Endpoint, Engine, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import { WasmArena, wasmProvider } from '@litz/wasm';

export async function trial() {
  const results = [];
  for (const build of ['simd', 'scalar']) {
    const arena = await WasmArena.create({ length: 1 << 17, build });
    const crypto = wasmProvider(arena);
    results.push(`${build}: ${sealsAsNoble(crypto, arena)}, ${carriesPackets(crypto)}`);
  }
  return results.join('; ');
}

function sealsAsNoble(provider, arena) {
  const key = randomBytes(new Uint8Array(32));
  const [own, reference] = [provider.createCipher(key), nobleProvider.createCipher(key)];
  const buffer = arena.allocate(65_535 + 16);
  let lengths = 0;
  for (const length of [...Array(601).keys(), 1420, 9000, 65_535]) {
    const expected = new Uint8Array(length + 16).fill(length);
    reference.seal(length, expected, 0, length);
    buffer.fill(length, 0, length);
    own.seal(length, buffer, 0, length);
    const same = expected.every((byte, i) => byte === buffer[i]);
    if (!same || !own.open(length, buffer, 0, length)) return `differs at ${length} bytes`;
    lengths++;
  }
  return `${lengths} lengths as noble`;
}

/** Passes the datagrams between two engines by hand, without sockets. */
function carriesPackets(provider) {
  const nodes = [1, 2].map((number) => {
    const privateKey = generatePrivateKey(randomBytes);
    const options = { randomBytes, unixTime: Date.now, crypto: provider };
    const engine = new Engine(options);
    const publicKey = publicKeyOf(privateKey, provider);
    const endpoint = new Endpoint(Uint8Array.of(192, 0, 2, number), 51820);
    engine.configure({ privateKey }, 0);
    engine.linkUp(0);
    return { engine, publicKey, endpoint, number, received: [] };
  });
  for (const [i, { engine }] of nodes.entries()) {
    const { publicKey, endpoint, number } = nodes[1 - i];
    const allowedIps = [{ address: Uint8Array.of(10, 0, 0, number), prefixLength: 32 }];
    engine.configure({ peers: [{ publicKey, endpoint, allowedIps }] }, 0);
  }
  const header = [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 253, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
  const packet = Uint8Array.of(...header, ...new TextEncoder().encode('a packet'));
  nodes[0].engine.handlePacket(packet, 1);
  for (let moved = true; moved;) moved = nodes.map((_, i) => drain(nodes, i)).includes(true);
  const [received] = nodes[1].received;
  return received
    ? `received "${new TextDecoder().decode(received.subarray(20))}"`
    : 'received nothing';
}

function drain(nodes, i) {
  const { engine, endpoint, received } = nodes[i];
  let moved = false;
  for (let sent; (sent = engine.pollTransmit()); moved = true) {
    const datagram = sent.buffer.slice(sent.offset, sent.offset + sent.length);
    nodes[1 - i].engine.handleDatagram(datagram, endpoint, 1);
  }
  for (let view; (view = engine.pollPacket());) {
    received.push(view.buffer.slice(view.offset, view.offset + view.length));
  }
  while (engine.pollEvent());
  return moved;
}

function randomBytes(bytes) {
  return crypto.getRandomValues(bytes);
}
