/**
 * A client of `bench sockets`: `client-child.js SETTINGS`, with `ClientSettings` as JSON. It
 * measures one mode and answers with a `ClientAnswer`.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { connect, type OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Network } from '@litz/net';
import type { Dispatcher } from 'undici';
import { sendAnswer } from '../child.ts';
import { cpuSeconds, peakResidentMegabytes } from '../peers/daemon-process.ts';
import {
  PORTS,
  WARM_UP_MS,
  type ClientAnswer,
  type ClientMode,
  type ClientSettings,
} from './client-settings.ts';

const settings = JSON.parse(process.argv[2] ?? '{}') as ClientSettings;
const network = settings.transport === 'kernel' ? undefined : await openNetwork();

async function openNetwork(): Promise<Network> {
  const device = settings.transport === 'portable' ? { udp: 'portable' as const } : {};
  return Network.open(settings.config ?? '', { device, memory: 1 << 30 });
}

/**
 * Connects to a port of the server.
 *
 * @param onread takes the bytes that arrive; default: the stream has 'data' events
 */
function open(port: number, onread?: OnReadOpts): Promise<Duplex> {
  const host = settings.target;
  const options = { host, port, ...(onread && { onread }) };
  const socket = network ? network.connect(options) : connect(options);
  return new Promise((resolve, reject) => {
    socket.once('connect', () => {
      // All sockets share one listener, so that an idle connection does not keep the objects of
      // this promise in memory.
      socket.removeListener('error', reject).on('error', ignore);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** Ignores the error of a connection. If a connection is lost, the measured figure shows it. */
function ignore(): void {}

/**
 * Waits until the warm-up is over, and then for a window of `settings.seconds`. Returns by how much
 * a counter grew in the window, and how much CPU time was used in it.
 *
 * @param count returns the counter, and the time in seconds at which it had this value
 */
async function measured(
  count: () => readonly [number, number] | Promise<readonly [number, number]>,
): Promise<Omit<ClientAnswer, 'peakMb'>> {
  await delay(WARM_UP_MS);
  const [amount, at] = await count();
  const used = cpu();
  await delay(settings.seconds * 1000);
  const [last, end] = await count();
  return { amount: last - amount, seconds: end - at, cpuSeconds: cpu() - used };
}

function cpu(): number {
  return cpuSeconds(settings.cpuOf ?? process.pid);
}

function seconds(): number {
  return performance.now() / 1000;
}

/**
 * Asks the server how many bytes it has received. Returns this number, and the time in seconds that
 * the server's clock showed.
 */
async function arrived(): Promise<readonly [number, number]> {
  const [count = 0, at = 0] = (await text(await open(PORTS.count))).split(' ').map(Number);
  return [count, at];
}

async function down(): ReturnType<typeof measured> {
  let total = 0;
  // All reads use one buffer, as in the program in Go.
  const buffer = Buffer.alloc(1 << 18);
  const callback = (count: number): boolean => {
    total += count;
    return true;
  };
  const socket = await open(PORTS.stream, { buffer, callback });
  socket.write('d');
  return measured(() => [total, seconds()]);
}

async function up(): ReturnType<typeof measured> {
  const chunk = Buffer.alloc(1 << 18);
  for (let i = 0; i < settings.connections; i++) {
    const socket = await open(PORTS.stream);
    socket.write('u');
    const send = (): void => {
      while (socket.write(chunk));
    };
    socket.on('drain', send);
    send();
  }
  return measured(arrived);
}

async function http(): ReturnType<typeof measured> {
  let requests = 0;
  const dispatcher = network?.dispatcher ?? (await kernelDispatcher());
  const origin = `http://${settings.target}:${PORTS.web}`;
  const ask = async (): Promise<never> => {
    for (;;) {
      const { body } = await dispatcher.request({ origin, path: '/', method: 'GET' });
      await body.arrayBuffer();
      requests++;
    }
  };
  for (let i = 0; i < settings.connections; i++) void ask();
  return measured(() => [requests, seconds()]);
}

/** undici is loaded only here, because it takes memory. */
async function kernelDispatcher(): Promise<Dispatcher> {
  const { Agent } = await import('undici');
  return new Agent({ connections: settings.connections });
}

async function churn(): ReturnType<typeof measured> {
  let opened = 0;
  const turn = async (): Promise<never> => {
    for (;;) {
      const socket = await open(PORTS.hold);
      socket.resume().end();
      await new Promise((resolve) => socket.once('close', resolve));
      opened++;
    }
  };
  for (let i = 0; i < settings.connections; i++) void turn();
  return measured(() => [opened, seconds()]);
}

/** Opens all connections. Returns by how many bytes the resident memory has grown. */
async function idle(): ReturnType<typeof measured> {
  const held = [await open(PORTS.hold)];
  const before = resident();
  const worker = async (number: number): Promise<void> => {
    for (let i = number; i < settings.connections; i += 64) held.push(await open(PORTS.hold));
  };
  await Promise.all(Array.from({ length: 64 }, (_, number) => worker(number)));
  await delay(WARM_UP_MS);
  const amount = resident() - before;
  const alive = held.filter(({ destroyed }) => !destroyed).length;
  if (alive <= settings.connections) throw new Error('a connection is missing');
  return { amount, seconds: 1, cpuSeconds: 0 };
}

/** Collects garbage, and returns the resident memory in bytes. Needs `--expose-gc`. */
function resident(): number {
  for (let i = 0; i < 3; i++) (globalThis as unknown as { gc: () => void }).gc();
  const [, pages = '0'] = readFileSync('/proc/self/statm', 'latin1').split(' ');
  return Number(pages) * PAGE_BYTES;
}

const PAGE_BYTES = 4096;
const MODES: Readonly<Record<ClientMode, () => ReturnType<typeof measured>>> = {
  down,
  up,
  http,
  churn,
  idle,
};
const answer = await MODES[settings.mode]();
const peakMb = peakResidentMegabytes(settings.cpuOf ?? process.pid);
sendAnswer({ ...answer, peakMb });
// Open connections would keep the process running.
process.exit();
