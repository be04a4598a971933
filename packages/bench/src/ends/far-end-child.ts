/**
 * The far end of a tunnel, without an interface: `far-end-child.js SETTINGS`, with `FarEndSettings`
 * as JSON. The file exports nothing.
 *
 * Without `load`, the far end answers handshakes until SIGTERM. With `load`, it begins a handshake
 * itself. For each trial, it then seals all messages, and only afterwards sends each of them once.
 * At the end, it prints a `ReceivedLoad` with `sendAnswer`.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { Endpoint, Engine, parseAddress, type Transmit } from '@litz/core';
import { selectProvider } from '@litz/device';
import { check, libc, addressOf, allocate, boottimeMs, linux } from '@litz/sys';
import { openUdp } from '@litz/udp';
import { sendAnswer } from '../child.ts';
import { cpuSeconds } from '../peers/daemon-process.ts';
import { linkCounters, writtenPackets } from './link-counters.ts';
import { udpPacket } from './udp-packet.ts';
import type { FarEndSettings, ReceivedLoad, ReceiveSettings, Shown } from './one-end.ts';
import { Pace } from './pace.ts';
import { RateSearch } from './rate-search.ts';

/**
 * linux/udp.h: the level of the UDP options, and the option for the length of each datagram of a
 * send call.
 */
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const BLOCK_BYTES = 64 << 20;
/** At most this many bytes are sent before the first trial. They show at which rate to begin. */
const RAMP_BYTES = 600_000_000;
/** At most this many bytes are sent in a trial. */
const MOST_BYTES = 1_400_000_000;
/** At most this many messages are sent before the first trial. */
const MOST_RAMP_MESSAGES = 700_000;
const FIRST_PER_MS = 300;
const RAMP_WINDOW_MS = 25;

const settings = JSON.parse(process.argv[2]!) as FarEndSettings;
const { provider } = await selectProvider();
const engine = new Engine({
  crypto: provider,
  randomBytes: (out) => void randomFillSync(out),
  unixTime: Date.now,
  mtu: settings.mtu,
});
const peer = {
  publicKey: settings.peerPublicKey,
  endpoint: `${settings.peerOuter}:${settings.port}`,
  allowedIps: [settings.peerAddress],
};
engine.configure({ privateKey: settings.privateKey, peers: [peer] }, boottimeMs());
/** The memory of all sealed messages. */
const blocks: Uint8Array[] = [];
const sockets = openUdp({ port: settings.port, gso: true });
process.stdout.write('ready\n');
if (settings.load) sendAnswer(await sendLoad(settings.load));
else for (;;) await turn();

/**
 * One turn of the engine's loop: processes datagrams that have arrived and timers that are due, and
 * then waits 2 ms.
 */
async function turn(): Promise<void> {
  const now = boottimeMs();
  sockets.receive((buffer, offset, length, source, ecn) => {
    engine.handleDatagramAt(buffer, offset, length, source, ecn, now);
    drain();
  });
  if (engine.pollTimeout() <= now) engine.handleTimeout(now);
  drain();
  await setTimeout(2);
}

function drain(): void {
  let transmit: Transmit | undefined;
  while ((transmit = engine.pollTransmit())) sockets.sendRun(transmit);
  while (engine.pollPacket() || engine.pollEvent());
  sockets.flush();
}

/**
 * Looks for the highest rate that the daemon can take, in several trials. Returns the figures of
 * the trial in which the daemon took most packets per second.
 */
async function sendLoad(load: ReceiveSettings): Promise<ReceivedLoad> {
  while (!engine.connect(settings.peerPublicKey, boottimeMs())) await turn();
  const pace = new Pace(performance.now(), FIRST_PER_MS);
  const length = load.messageLength;
  const first = Math.min(Math.floor(RAMP_BYTES / length), MOST_RAMP_MESSAGES);
  // The first message confirms the session to the daemon, which is the responder. The other
  // messages warm the daemon up and show at which rate to begin.
  sendAll(seal(load, first), load, pace, RAMP_WINDOW_MS);
  await turn();
  pace.settle(performance.now());
  const search = new RateSearch(pace.perMs);
  const most = Math.floor(MOST_BYTES / length);
  let best: Shown | undefined;
  do {
    const sealed = seal(load, Math.min(most, Math.ceil(search.perMs * 1000 * load.seconds)));
    const shown = sendAll(sealed, load, new Pace(performance.now(), search.perMs), Infinity);
    if (!best || shown.packetsPerSecond > best.packetsPerSecond) best = shown;
    search.add(shown.offeredPerSecond / 1000, shown.packetsPerSecond / 1000);
    await turn();
  } while (!search.isOver);
  return { ...best, isLimitFound: search.isFound };
}

/** Messages of one length, one after the other, in `blocks`. */
interface Sealed {
  readonly count: number;
  readonly perBlock: number;
}

/** Seals `count` copies of one packet, with the next counters of the session. */
function seal({ packetLength, messageLength }: ReceiveSettings, count: number): Sealed {
  const packet = udpPacket(settings.address, settings.peerAddress, packetLength);
  const perBlock = Math.floor(BLOCK_BYTES / messageLength);
  for (let done = 0; done < count; done += perBlock) {
    const block = (blocks[done / perBlock] ??= new Uint8Array(new ArrayBuffer(BLOCK_BYTES + 128)));
    for (let i = 0; i < Math.min(perBlock, count - done); i++) {
      const at = i * messageLength + 16;
      block.set(packet, at);
      engine.handlePacketAt(block, at, packetLength, boottimeMs());
      const transmit = engine.pollTransmit();
      if (transmit?.length !== messageLength) throw new Error('the session has ended');
    }
  }
  return { count, perBlock };
}

/**
 * Sends all messages once, with up to 64 datagrams in each system call (UDP_SEGMENT), and returns
 * the figures. Adapts the pace every `windowMs` milliseconds.
 */
function sendAll(sealed: Sealed, load: ReceiveSettings, pace: Pace, windowMs: number): Shown {
  const { packetLength, messageLength, daemonPid, link } = load;
  const fd = sockets.fds[0]!;
  const option = allocate(4);
  const setSegment = (length: number): void => {
    option.view.setInt32(0, length, true);
    check(libc().setsockopt(fd, SOL_UDP, UDP_SEGMENT, option.address, 4), 'setsockopt');
  };
  const target = socketAddress(new Endpoint(parseAddress(settings.peerOuter), settings.port));
  const most = Math.min(64, Math.floor(65_507 / messageLength));
  setSegment(messageLength);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const counters = (): ReturnType<typeof linkCounters> => linkCounters(daemonPid, link);
  const [first, cpu, own] = [counters(), cpuSeconds(daemonPid), cpuSeconds(process.pid)];
  const begin = performance.now();
  let [last, next] = [first, begin + windowMs];
  for (let sent = 0; sent < sealed.count;) {
    const now = performance.now();
    if (now >= next) {
      const present = counters();
      pace.adapt(now, writtenPackets(last, present, packetLength));
      [last, next] = [present, now + windowMs];
    }
    if (pace.due(now) < most) {
      Atomics.wait(sleeper, 0, 0, 0.05);
      continue;
    }
    const inBlock = sent % sealed.perBlock;
    const count = Math.min(most, sealed.count - sent, sealed.perBlock - inBlock);
    const address = addressOf(blocks[Math.floor(sent / sealed.perBlock)]!);
    const from = address + inBlock * messageLength;
    libc().sendto(fd, from, count * messageLength, 0, target.address, 16);
    sent += count;
    pace.countSent(count);
  }
  const elapsed = (performance.now() - begin) / 1000;
  setSegment(0);
  return {
    packetsPerSecond: writtenPackets(first, counters(), packetLength) / elapsed,
    offeredPerSecond: sealed.count / elapsed,
    daemonCores: (cpuSeconds(daemonPid) - cpu) / elapsed,
    generatorCores: (cpuSeconds(process.pid) - own) / elapsed,
  };
}

function socketAddress({ address, port }: Endpoint): ReturnType<typeof allocate> {
  const region = allocate(16);
  region.view.setUint16(0, linux.AF_INET, true);
  region.view.setUint16(2, port);
  region.bytes.set(address, 4);
  return region;
}
