import { describe, expect, it } from 'vitest';
import { PacketMemory } from '../src/packet-memory.ts';
import { Rehearsal, type RehearsalOptions } from '../src/rehearsal.ts';
import { FakeSockets, FakeTun } from './fake-ports.ts';

describe('Rehearsal', () => {
  it('carries packets both ways, then closes all that it opened', () => {
    const { rehearsal, tuns, sockets } = create();
    perform(rehearsal);
    expect(rehearsal.laps).toBeGreaterThan(1000);
    expectClosed(tuns, sockets);
    expect(sockets.map(({ sent }) => sent.length > 1000)).toEqual([true, true]);
  });

  it('meets anew again and again, with other keys and sessions', () => {
    const { rehearsal, sockets } = create();
    perform(rehearsal);
    const initiations = sockets[0].sent.filter(({ bytes }) => bytes[0] === 1);
    expect(initiations.length).toBeGreaterThan(10);
  });

  it('ends soon where nothing comes through, and closes all', () => {
    const { rehearsal, tuns, sockets } = create({ isWireCut: true });
    expect(perform(rehearsal)).toBeLessThan(200);
    expect(rehearsal.laps).toBe(0);
    expectClosed(tuns, sockets);
  });

  it('ends without an error when the second sockets cannot be opened', () => {
    const { rehearsal, tuns, sockets } = create({ socketsLeft: 1 });
    perform(rehearsal);
    expect(sockets).toHaveLength(1);
    expectClosed(tuns, sockets);
  });

  it('ends without an error when there are no TUNs', () => {
    const { rehearsal } = create({
      openTuns: () => {
        throw new Error('socketpair: EMFILE');
      },
    });
    rehearsal.step(0);
    expect(rehearsal.isDone).toBe(true);
  });

  it('closes all in the middle of it, once', () => {
    const { rehearsal, tuns, sockets } = create();
    for (let i = 0; i < 50; i++) rehearsal.step(i);
    expect(rehearsal.isDone).toBe(false);
    rehearsal.close();
    rehearsal.close();
    rehearsal.step(50);
    expectClosed(tuns, sockets);
  });

  it('closes all, though one of them cannot be closed, and says so at once or in the end', () => {
    for (const isEnded of [false, true]) {
      const { rehearsal, tuns, sockets } = create();
      for (let i = 0; i < 50; i++) rehearsal.step(i);
      failToClose(sockets[1]);
      failToClose(tuns[1], 'close: EBADF');
      if (isEnded) rehearsal.end();
      expect(() => rehearsal.close()).toThrow('close: EIO');
      expect(rehearsal.isDone).toBe(true);
      expectClosed(tuns, sockets);
      rehearsal.close();
    }
  });

  it('ends without an error where it is over and cannot be closed, and says so when asked', () => {
    const { rehearsal, tuns, sockets } = create({ isWireCut: true });
    for (const tun of tuns) failToClose(tun);
    expect(perform(rehearsal)).toBeLessThan(200);
    expectClosed(tuns, sockets);
    expect(() => rehearsal.close()).toThrow('close: EIO');
  });

  it('opens nothing before its first step', () => {
    const { sockets, rehearsal } = create({ openTuns: () => expect.fail() });
    rehearsal.close();
    expect(sockets).toEqual([]);
  });
});

interface Faults extends Partial<Pick<RehearsalOptions, 'openTuns'>> {
  readonly isWireCut?: boolean;
  readonly socketsLeft?: number;
}

function create({ isWireCut = false, socketsLeft = 2, ...options }: Faults = {}): {
  rehearsal: Rehearsal;
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
  const common = { memory, bytes: undefined, crypto: undefined };
  const rehearsal = new Rehearsal({ openTuns: () => tuns, openSockets, ...common, ...options });
  return { rehearsal, tuns, sockets };
}

/** @returns how many steps it took */
function perform(rehearsal: Rehearsal): number {
  let steps = 0;
  while (!rehearsal.isDone && steps < 100_000) rehearsal.step(steps++ / 100);
  expect(rehearsal.isDone).toBe(true);
  return steps;
}

function expectClosed(tuns: readonly JoinedTun[], sockets: readonly FakeSockets[]): void {
  expect(tuns.map(({ isClosed }) => isClosed)).toEqual([true, true]);
  expect(sockets.map(({ calls }) => calls)).toEqual(sockets.map(() => ['close']));
}

/** It is closed, and says that it failed. */
function failToClose(resource: { close(): void }, message = 'close: EIO'): void {
  const close = resource.close.bind(resource);
  resource.close = () => {
    close();
    throw new Error(message);
  };
}

/** What is written to one is read from the other. */
class JoinedTun extends FakeTun {
  other: JoinedTun | undefined = undefined;

  override write(buffer: Uint8Array, offset: number, length: number): number {
    this.other?.incoming.push(buffer.slice(offset + 10, offset + length));
    return length;
  }
}

/** What one sends comes in at the other. */
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
