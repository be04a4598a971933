import { describe, expect, it } from 'vitest';
import { FloodFilter } from '../src/flood-filter.ts';
import { run } from './bpf-machine.ts';

const ATTACKERS = 200;
const HONEST = 0xc000_0201;

describe('FloodFilter', () => {
  it('attaches no filter while there is no flood', () => {
    const { filter, programs, send } = createFilter();
    for (let now = 0; now < 10_000; now += 10) {
      for (let i = 0; i < 5; i++) send(attacker(i), initiation());
      filter.update(now);
      expect(filter.due).toBe(Infinity);
    }
    expect(programs).toEqual([]);
  });

  it('drops most of a flood, and passes all messages of sources that send few', () => {
    const { filter, send, flood } = createFilter();
    flood(0, 3000);
    let passed = 0;
    let honest = 0;
    for (let now = 3000; now < 8000; now++) {
      for (let i = 0; i < 40; i++) if (send(attacker(i * now), initiation())) passed++;
      if (now % 1000 === 0 && send(HONEST, initiation())) honest++;
      filter.update(now);
    }
    // 40,000 per second were sent.
    expect(passed / 5).toBeGreaterThan(2500);
    expect(passed / 5).toBeLessThan(4000);
    expect(honest).toBe(5);
  });

  it('passes all messages with mac2, unless they are a flood too', () => {
    const { filter, send, flood } = createFilter();
    flood(0, 3000);
    const withMac2 = initiation().fill(1, 132);
    const passedOf = (from: number, perMs: number): number => {
      let passed = 0;
      for (let now = from; now < from + 2000; now++) {
        for (let i = 0; i < 40; i++) send(attacker(i * now), initiation());
        for (let i = 0; i < perMs; i++) if (send(attacker(i + now), withMac2)) passed++;
        filter.update(now);
      }
      return passed / 2;
    };
    expect(passedOf(3000, 1)).toBe(1000);
    // 5000 messages with mac2 per second: about as many handshakes as one core can answer.
    expect(passedOf(5000, 5)).toBe(5000);
    passedOf(7000, 40);
    expect(passedOf(9000, 40)).toBeLessThan(12_000);
    expect(passedOf(11_000, 40)).toBeGreaterThan(5000);
  });

  it('removes the filter when the flood is over', () => {
    const { filter, programs, flood } = createFilter();
    flood(0, 1000);
    expect(programs.at(-1)).toBeInstanceOf(Uint8Array);
    let now = 1000;
    while (filter.due !== Infinity && now < 30_000) {
      now = filter.due;
      filter.update(now);
    }
    expect(now).toBeLessThan(6000);
    expect(programs.at(-1)).toBeUndefined();
    flood(60_000, 1000);
    expect(programs.at(-1)).toBeInstanceOf(Uint8Array);
  });

  it('drops a flood that the kernel coalesced, and counts each of its messages', () => {
    const { filter, programs, send } = createFilter();
    const coalesced = new Uint8Array(40 * 148);
    for (let i = 0; i < 40; i++) coalesced[i * 148] = 1;
    for (let now = 0; now < 4000; now++) {
      send(attacker(1), coalesced);
      filter.update(now);
    }
    const program = programs.at(-1);
    expect(program).toBeInstanceOf(Uint8Array);
    expect(runs(program!, attacker(1), coalesced, 0xffff_ffff)).toBe(false);
    expect(runs(program!, HONEST, coalesced, 0xffff_ffff)).toBe(true);
  });

  it('drops nothing of an honest source while many peers send one message each', () => {
    const { filter, programs, send } = createFilter();
    for (let now = 0; now < 2000; now += 5) {
      for (let i = 0; i < 10; i++) send(Math.imul(now * 10 + i, 0x9e3779b1) >>> 0, initiation());
      filter.update(now);
    }
    const attached = programs.filter((program) => program !== undefined);
    const dropped = attached.filter((program) => !runs(program, HONEST, initiation(), 0xffff_ffff));
    expect(dropped).toEqual([]);
  });

  it('works without a filter if the kernel accepts none, and does not try again', () => {
    let asked = 0;
    const filter = new FloodFilter(4, (program) => {
      if (program) asked++;
      return false;
    });
    for (let now = 0; now < 5000; now += 10) {
      for (let i = 0; i < 400; i++) filter.note(initiation(), 0, 148, 1, attacker(i), 0);
      filter.update(now);
    }
    expect(asked).toBe(1);
    expect(filter.due).toBe(Infinity);
  });
});

/** Returns a filter, and a `send` that first runs the attached program, as the kernel does. */
function createFilter() {
  const programs: (Uint8Array | undefined)[] = [];
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state ^ (state >>> 16)) >>> 0;
  };
  const filter = new FloodFilter(
    4,
    (program) => programs.push(program) > 0,
    (out) => out.forEach((_, i) => (out[i] = Math.imul(random(), 0x85ebca6b))),
  );
  const send = (source: number, message: Uint8Array): boolean => {
    const program = programs.at(-1);
    if (program && !runs(program, source, message, random())) return false;
    const each = message.length % 148 === 0 ? 148 : message.length;
    filter.note(message, 0, each, message.length / each, source, 0);
    return true;
  };
  const flood = (from: number, ms: number): void => {
    for (let now = from; now < from + ms; now++) {
      for (let i = 0; i < 40; i++) send(attacker(random()), initiation());
      filter.update(now);
    }
  };
  return { filter, programs, send, flood };
}

function runs(program: Uint8Array, source: number, message: Uint8Array, random: number): boolean {
  const packet = new Uint8Array(28 + message.length);
  new DataView(packet.buffer).setUint32(12, source, false);
  packet.set(message, 28);
  return run(program, { packet, ipLength: 20, random }) !== 0;
}

function attacker(number: number): number {
  return 0x0a08_0000 + (number % ATTACKERS) * 257;
}

function initiation(): Uint8Array {
  const message = new Uint8Array(148);
  message[0] = 1;
  return message;
}
