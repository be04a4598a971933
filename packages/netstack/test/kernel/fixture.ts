/**
 * A stack and the kernel on one path, for one test.
 *
 * @module
 */
import { onTestFinished } from 'vitest';
import type { PathOptions } from '@litz/testkit';
import { KernelHost, StackHost, type KernelHostOptions, type StackHostOptions } from './hosts.ts';
import type { KernelStream } from './kernel-socket.ts';
import { Network } from './network.ts';
import type { StackStream, Stream } from './stream.ts';
import { Receiver, Sender } from './transfer.ts';

export type FixtureOptions = Omit<KernelHostOptions & StackHostOptions, 'number'>;

/** Host 1 is the stack, host 2 the kernel. */
export interface Fixture {
  readonly network: Network;
  readonly stack: StackHost;
  readonly kernel: KernelHost;
}

/** Makes a fixture that is closed when the test ends. */
export function createFixture(options: FixtureOptions = {}, path: PathOptions = {}): Fixture {
  const stack = new StackHost({ ...options, number: 1 });
  const kernel = new KernelHost({ ...options, number: 2 });
  const network = new Network([stack, kernel], { latency: 1, ...path });
  onTestFinished(() => network.close());
  return { network, stack, kernel };
}

/** Both ends of a connection. */
export interface Ends {
  readonly stack: StackStream;
  readonly kernel: KernelStream;
}

/** Makes a connection. @param by the host that begins it */
export async function connect(
  { network, stack, kernel }: Fixture,
  by: 'stack' | 'kernel' = 'stack',
  version: 4 | 6 = 4,
  port = 80,
): Promise<Ends> {
  if (by === 'stack') {
    const accept = kernel.listen(port);
    const near = stack.connect(kernel.addresses[version], port);
    return { stack: near, kernel: await accepted(network, accept) };
  }
  const accept = stack.listen(port);
  const near = kernel.connect(stack.addresses[version], port);
  return { stack: await accepted(network, accept), kernel: near };
}

/** Waits for a connection, and returns its end at the host that accepts. */
export async function accepted<T extends Stream>(
  network: Network,
  accept: () => T | undefined,
): Promise<T> {
  let stream: T | undefined;
  await network.run(() => (stream ??= accept()) !== undefined, 20_000);
  return stream!;
}

/**
 * Sends a number of bytes from one end to the other, and waits until all have arrived.
 *
 * @throws {Error} fewer bytes, or other bytes, have arrived
 */
export async function transfer(
  network: Network,
  from: Stream,
  to: Stream,
  bytes: number,
): Promise<void> {
  const sender = new Sender(from, bytes);
  const receiver = new Receiver(to);
  network.programs.push(sender, receiver);
  await network.run(() => receiver.isOver || from.error !== undefined);
  if (receiver.received !== bytes || receiver.digest() !== sender.digest()) {
    throw new Error(
      `${receiver.received} of ${bytes} bytes came, errors ${from.error} ${to.error}`,
    );
  }
}

/** Reads all bytes that are there, and returns how many there were. */
export function drain(stream: Stream): number {
  let total = 0;
  for (;;) {
    const count = stream.read(SCRAP, 0, SCRAP.length);
    if (count <= 0) return total;
    total += count;
  }
}

/** Writes until no more bytes are taken, and returns how many were taken. */
export function fill(stream: Stream): number {
  let total = 0;
  for (;;) {
    const count = stream.write(SCRAP, 0, SCRAP.length);
    if (count <= 0) return total;
    total += count;
  }
}

const SCRAP = new Uint8Array(new ArrayBuffer(65_536));
