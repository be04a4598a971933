/**
 * Sends UDP packets into a tunnel: `load-child.js SETTINGS`, with `LoadSettings` as JSON. The file
 * exports nothing. The program first finds the rate that the daemon takes, and then measures.
 *
 * @module
 */
import { addressOf, allocate, check, libc, linux } from '@litz/sys';
import { sendAnswer } from '../child.ts';
import { cpuSeconds } from '../peers/daemon-process.ts';
import { linkCounters, sentMessages } from './link-counters.ts';
import type { LoadSettings, SentLoad } from './one-end.ts';
import { Pace } from './pace.ts';

const settings = JSON.parse(process.argv[2]!) as LoadSettings;
const { packetLength, superPackets, seconds, daemonPid, link, messageLength } = settings;
const payload = packetLength - 28;
/**
 * How many packets one system call sends. The kernel takes at most 64 packets in one super-packet,
 * and at most 65,535 bytes with the headers.
 */
const most = superPackets ? Math.min(64, Math.floor(65_507 / payload)) : 64;
const fd = openSocket();
const send = superPackets ? superPacketSender() : packetsSender();
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** How many ms the search for the rate lasts. Meanwhile, V8 compiles the packet path of Litz. */
const rampMs = 2500;
const start = performance.now();
const pace = new Pace(start, 100);
runPaced(start + rampMs, 50);
pace.settle(performance.now());
const [before, cpu, own] = [counters(), cpuSeconds(daemonPid), cpuSeconds(process.pid)];
const begin = performance.now();
const generated = runPaced(begin + seconds * 1000, Infinity);
const elapsed = (performance.now() - begin) / 1000;
const answer: SentLoad = {
  packetsPerSecond: sentMessages(before, counters(), messageLength) / elapsed,
  offeredPerSecond: generated / elapsed,
  daemonCores: (cpuSeconds(daemonPid) - cpu) / elapsed,
  generatorCores: (cpuSeconds(process.pid) - own) / elapsed,
};
sendAnswer(answer);

function counters(): ReturnType<typeof linkCounters> {
  return linkCounters(daemonPid, link);
}

/**
 * Sends until `end`, and adapts the rate every `windowMs` milliseconds. Returns how many packets
 * were sent.
 */
function runPaced(end: number, windowMs: number): number {
  let packets = 0;
  let last = counters();
  let next = performance.now() + windowMs;
  for (;;) {
    const now = performance.now();
    if (now >= end) return packets;
    if (now >= next) {
      const present = counters();
      pace.adapt(now, sentMessages(last, present, messageLength));
      last = present;
      next = now + windowMs;
    }
    if (pace.due(now) < most) {
      Atomics.wait(sleeper, 0, 0, 0.05);
      continue;
    }
    send();
    pace.countSent(most);
    packets += most;
  }
}

function openSocket(): number {
  const { AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_SNDBUFFORCE } = linux;
  const socket = check(libc().socket(AF_INET, SOCK_DGRAM, 0), 'socket');
  setOption(socket, SOL_SOCKET, SO_SNDBUFFORCE, 8 << 20);
  const address = allocate(16);
  address.view.setUint16(0, AF_INET, true);
  address.view.setUint16(2, 9);
  address.bytes.set(settings.address.split('.').map(Number), 4);
  check(libc().connect(socket, address.address, 16), 'connect');
  return socket;
}

function setOption(socket: number, level: number, name: number, value: number): void {
  const option = allocate(4);
  option.view.setInt32(0, value, true);
  check(libc().setsockopt(socket, level, name, option.address, 4), 'setsockopt');
}

/**
 * Returns a function that sends one super-packet. If the queue of the TUN is full, the kernel drops
 * the super-packet.
 */
function superPacketSender(): () => void {
  const SOL_UDP = 17;
  const UDP_SEGMENT = 103;
  setOption(fd, SOL_UDP, UDP_SEGMENT, payload);
  const bytes = new Uint8Array(new ArrayBuffer(payload * most));
  const at = addressOf(bytes);
  return () => void libc().send(fd, at, bytes.length, 0);
}

/**
 * Returns a function that sends `most` packets in one call. The kernel passes each of them to the
 * TUN as a single packet.
 */
function packetsSender(): () => void {
  const bytes = allocate(Math.max(payload, 128));
  const vector = allocate(16);
  vector.view.setBigUint64(0, BigInt(bytes.address), true);
  vector.view.setBigUint64(8, BigInt(payload), true);
  // struct mmsghdr: a msghdr of 56 bytes and a length.
  const headers = allocate(64 * most);
  for (let i = 0; i < most; i++) {
    headers.view.setBigUint64(i * 64 + 16, BigInt(vector.address), true);
    headers.view.setBigUint64(i * 64 + 24, 1n, true);
  }
  // The kernel reads all three. The memory of a region is freed when no object refers to it.
  const message = { bytes, vector, headers };
  return () => void libc().sendmmsg(fd, message.headers.address, most, 0);
}
