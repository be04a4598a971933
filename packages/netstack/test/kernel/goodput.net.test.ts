import { describeWith, shortOrLong } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { KernelHost, StackHost, type Host } from './hosts.ts';
import { Network, runTogether } from './network.ts';
import { tunDevices } from './requirements.ts';
import { record } from '../results.ts';
import type { Stream } from './stream.ts';
import { Receiver, Sender } from './transfer.ts';

const SECONDS = shortOrLong(10, 60);
const FLOWS = 12;
/** The least share of the goodput of two kernels that a pair with a stack must reach. */
const LEAST = shortOrLong(0.8, 0.9);

/** Host 1 sends to host 2. */
const PAIRS: [name: string, create: () => [Host, Host]][] = [
  ['kernel to kernel', () => [kernel(1), kernel(2)]],
  ['stack to kernel', () => [stack(1), kernel(2)]],
  ['kernel to stack', () => [kernel(1), stack(2)]],
];

describeWith([tunDevices], 'the goodput of CUBIC at a round trip of 40 ms', () => {
  test.each([0.01, 0.05])('is close to that of two kernels at a loss of %d', async (loss) => {
    const measured = PAIRS.map(([name, create]) => {
      const network = new Network(create(), { latency: 20, loss, seed: 3 });
      onTestFinished(() => network.close());
      return { name, network, receivers: flows(network, FLOWS) };
    });
    const networks = measured.map(({ network }) => network);
    const end = networks[0].now + SECONDS * 1000;
    await runTogether(networks, () => networks[0].now >= end, SECONDS * 1000 + 10_000);
    const rates = measured.map(({ name, receivers }) => {
      const bytes = receivers().reduce((sum, { received }) => sum + received, 0);
      return [name, (bytes * 8) / 1000 / SECONDS / FLOWS] as const;
    });
    const figures = Object.fromEntries(
      rates.map(([name, rate]) => [`${name}, kbit/s of a stream`, Math.round(rate)]),
    );
    record('goodput', `${loss * 100} % lost, 40 ms, ${FLOWS} streams, ${SECONDS} s`, figures);
    const [[, base], ...others] = rates;
    for (const [, rate] of others) expect(rate / base).toBeGreaterThan(LEAST);
  });
});

function kernel(number: 1 | 2): Host {
  return new KernelHost({ number });
}

function stack(number: 1 | 2): Host {
  return new StackHost({ number, seed: number });
}

/** Begins streams of unlimited length. */
function flows(network: Network, count: number): () => Receiver[] {
  const [from, to] = network.hosts;
  const accept = to.listen(80);
  const receivers: Receiver[] = [];
  for (let i = 0; i < count; i++) {
    network.programs.push(new Sender(from.connect(to.addresses[4], 80), Infinity));
  }
  network.programs.push({
    step(): boolean {
      let stream: Stream | undefined;
      while ((stream = accept())) {
        const receiver = new Receiver(stream);
        receivers.push(receiver);
        network.programs.push(receiver);
      }
      return false;
    },
  });
  return () => receivers;
}
