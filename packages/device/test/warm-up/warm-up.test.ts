import { describe, expect, it } from 'vitest';
import { PacketMemory } from '../../src/plane/packet-memory.ts';
import type { Tun } from '../../src/plane/io-interfaces.ts';
import { SMALL_LAPS } from '../../src/warm-up/warm-up-laps.ts';
import { WarmUp, type WarmUpOptions } from '../../src/warm-up/warm-up.ts';
import { FakeSockets, FakeTun } from '../plane/fake-io.ts';

describe('WarmUp', () => {
  it('carries packets both ways, and then closes everything that it opened', () => {
    const { warmUp, tuns, sockets } = create();
    perform(warmUp);
    expect(warmUp.laps).toBeGreaterThan(1000);
    expectClosed(tuns, sockets);
    expect(sockets.map(({ sent }) => sent.length > 1000)).toEqual([true, true]);
  });

  it('says when the single packets were sent, before the streams are over', () => {
    const { warmUp } = create();
    while (!warmUp.hasSentSingles) warmUp.step(0);
    expect(warmUp.isDone).toBe(false);
    expect(warmUp.laps).toBeGreaterThan(SMALL_LAPS * 0.95);
    expect(warmUp.laps).toBeLessThan(SMALL_LAPS * 1.05);
  });

  it('says that the single packets were sent, even when it ends early', () => {
    const { warmUp } = create({ isWireCut: true });
    perform(warmUp);
    expect(warmUp.hasSentSingles).toBe(true);
  });

  it('begins new sessions again and again', () => {
    const { warmUp, sockets } = create();
    perform(warmUp);
    const initiations = sockets[0].sent.filter(({ bytes }) => bytes[0] === 1);
    expect(initiations.length).toBeGreaterThan(10);
  });

  it('ends soon and closes everything when no packet arrives', () => {
    const { warmUp, tuns, sockets } = create({ isWireCut: true });
    expect(perform(warmUp)).toBeLessThan(200);
    expect(warmUp.laps).toBe(0);
    expectClosed(tuns, sockets);
  });

  it('ends without an error when the second sockets cannot be opened', () => {
    const { warmUp, tuns, sockets } = create({ socketsLeft: 1 });
    perform(warmUp);
    expect(sockets).toHaveLength(1);
    expectClosed(tuns, sockets);
  });

  it('ends without an error when there are no TUNs', () => {
    const { warmUp } = create({
      openTuns: () => {
        throw new Error('socketpair: EMFILE');
      },
    });
    warmUp.step(0);
    expect(warmUp.isDone).toBe(true);
  });

  it('closes everything once when it is closed in the middle', () => {
    const { warmUp, tuns, sockets } = create();
    for (let i = 0; i < 50; i++) warmUp.step(i);
    expect(warmUp.isDone).toBe(false);
    warmUp.close();
    warmUp.close();
    warmUp.step(50);
    expectClosed(tuns, sockets);
  });

  it('closes everything else without an error when something cannot be closed', () => {
    const { warmUp, tuns, sockets } = create();
    for (let i = 0; i < 50; i++) warmUp.step(i);
    failToClose(sockets[1]);
    failToClose(tuns[1]);
    warmUp.close();
    expect(warmUp.isDone).toBe(true);
    expectClosed(tuns, sockets);
  });

  it('ends without an error when it is over and something cannot be closed', () => {
    const { warmUp, tuns, sockets } = create({ isWireCut: true });
    for (const tun of tuns) failToClose(tun);
    expect(perform(warmUp)).toBeLessThan(200);
    expectClosed(tuns, sockets);
  });

  it('opens nothing before its first step', () => {
    const { sockets, warmUp } = create({ openTuns: () => expect.fail() });
    warmUp.close();
    expect(sockets).toEqual([]);
  });
});

interface Faults extends Partial<Pick<WarmUpOptions, 'openTuns'>> {
  readonly isWireCut?: boolean;
  readonly socketsLeft?: number;
}

function create({ isWireCut = false, socketsLeft = 2, ...options }: Faults = {}): {
  warmUp: WarmUp;
  tuns: readonly [JoinedTun, JoinedTun];
  sockets: FakeSockets[];
} {
  const tuns = [new JoinedTun(), new JoinedTun()] as const;
  tuns[0].other = tuns[1];
  tuns[1].other = tuns[0];
  const sockets: FakeSockets[] = [];
  const openSockets = (): FakeSockets => {
    if (sockets.length === socketsLeft) throw new Error('socket: EMFILE');
    const opened = new WiredSockets(() => (isWireCut ? [] : sockets));
    sockets.push(opened);
    return opened;
  };
  const memory = new PacketMemory();
  const common = { memory, bytes: undefined, crypto: undefined, closeTun };
  const warmUp = new WarmUp({ openTuns: () => tuns, openSockets, ...common, ...options });
  return { warmUp, tuns, sockets };
}

function closeTun(tun: Tun): void {
  tun.close();
}

/** Runs all steps. @returns how many there were */
function perform(warmUp: WarmUp): number {
  let steps = 0;
  while (!warmUp.isDone && steps < 100_000) warmUp.step(steps++ / 100);
  expect(warmUp.isDone).toBe(true);
  return steps;
}

function expectClosed(tuns: readonly JoinedTun[], sockets: readonly FakeSockets[]): void {
  expect(tuns.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  expect(sockets.map(({ calls }) => calls)).toEqual(sockets.map(() => ['close']));
}

/** Makes `close` throw after it has closed the resource. */
function failToClose(resource: { close(): void }): void {
  const close = resource.close.bind(resource);
  resource.close = () => {
    close();
    throw new Error('close: EIO');
  };
}

/** One of two TUNs: a packet that is written to one is read from the other. */
class JoinedTun extends FakeTun {
  other: JoinedTun | undefined = undefined;

  override write(buffer: Uint8Array, offset: number, length: number): number {
    this.other?.incoming.push(buffer.slice(offset + 10, offset + length));
    return length;
  }
}

/** One of two sets of sockets: the other set receives the datagrams that this one sends. */
class WiredSockets extends FakeSockets {
  readonly #both: () => readonly FakeSockets[];

  constructor(both: () => readonly FakeSockets[]) {
    super();
    this.#both = both;
  }

  override flush(): void {
    const before = this.sent.length;
    super.flush();
    const other = this.#both().find((sockets) => sockets !== this);
    other?.incoming.push(...this.sent.slice(before).map(({ bytes }) => bytes));
  }
}
