import { Endpoint } from '@litz/core';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openUdp, type UdpOptions, type UdpSockets } from '../src/index.ts';
import { kernel } from './fake-kernel.ts';
import { runOf } from './run-of.ts';

let namespace: string | undefined;
let namespaces = 0;
vi.mock(import('@litz/sys'), async (original) => ({
  ...(await import('./fake-kernel.ts')).fakeSys(await original()),
  networkNamespaceId: () => namespace,
}));

const EADDRINUSE = 98;
const EIO = 5;
/** The system calls that the fake kernel has reported, in order. */
let calls: string[] = [];
let lost: string[] = [];

beforeEach(() => {
  kernel.reset();
  kernel.onCall = (call) => calls.push(call);
  // A new namespace, so that the results of earlier tests are not used.
  namespace = `net:[${++namespaces}]`;
  calls = [];
  lost = [];
});

function open(options: Partial<UdpOptions> = {}): UdpSockets {
  return openUdp({ port: 51820, gso: true, gro: true, onOffloadLost: note, ...options });
}

function note(name: string, reason: string): void {
  lost.push(`${name}: ${reason}`);
}

/** Whether opening and closing sockets tests offloads. */
function tests(options: Partial<UdpOptions> = {}): boolean {
  calls = [];
  open(options).close();
  return calls.includes('sendmmsg');
}

describe('openUdp with offloads', () => {
  test('tests the offloads only after it has bound the port', () => {
    kernel.failing = ['bind', EADDRINUSE];
    expect(() => open()).toThrow('cannot bind UDP port 51820');
    expect(calls.filter((call) => call === 'socket')).toHaveLength(1);
    expect(kernel.sockets.size).toBe(0);
  });

  test('binds the sockets, tests the offloads, and then switches coalescing on', () => {
    kernel.onLoopback = () => [];
    const sockets = open();
    const order = calls.filter((call) => ['bind', 'sendmmsg', 'UDP_GRO'].includes(call));
    expect(order.slice(0, 2)).toEqual(['bind', 'bind']);
    expect(order.slice(2)).toContain('sendmmsg');
    expect(order.slice(-2)).toEqual(['UDP_GRO', 'UDP_GRO']);
    expect(sockets.fds.map((fd) => kernel.sockets.get(fd))).toEqual([true, true]);
    expect(sockets.segmenting).toBe(true);
    expect(lost).toEqual([]);
  });

  test('does not use a faulty offload, and reports it each time', () => {
    kernel.onSend = ({ control }) => (control.length > 0 ? EIO : 0);
    for (let i = 1; i <= 2; i++) {
      const sockets = open();
      expect(sockets.segmenting).toBe(false);
      expect(lost).toHaveLength(i);
      expect(lost[0]).toBe(
        'udpGso: self-test on loopback: the kernel refuses to segment a message',
      );
      sockets.close();
    }
  });

  test('does not test an offload that is not requested', () => {
    open({ gso: false, gro: false });
    expect(calls).not.toContain('sendmmsg');
    expect(calls).not.toContain('UDP_GRO');
  });

  test('closes all sockets if a callback throws', () => {
    kernel.onSend = ({ control }) => (control.length > 0 ? EIO : 0);
    const listener = vi.fn<() => void>().mockThrow(new Error('no'));
    expect(() => open({ onOffloadLost: listener })).toThrow('no');
    expect(kernel.sockets.size).toBe(0);
  });
});

describe('KnownOffloads', () => {
  beforeEach(() => {
    kernel.onLoopback = ({ payload, control }) => {
      const segment = control.length > 0 ? 500 : payload.length;
      return Array.from({ length: Math.ceil(payload.length / segment) }, (_, i) => ({
        name: Uint8Array.of(2, 0, kernel.lastSender >> 8, kernel.lastSender & 255, 127, 0, 0, 1),
        payload: payload.slice(i * segment, (i + 1) * segment),
        control: new Uint8Array(0),
      }));
    };
  });

  test('remembers that the offloads work', () => {
    expect([tests(), tests(), tests()]).toEqual([true, false, false]);
  });

  test('remembers each offload separately', () => {
    expect(tests({ gro: false })).toBe(true);
    expect([tests({ gro: false }), tests(), tests()]).toEqual([false, true, false]);
  });

  test('forgets the results in another namespace, or if the namespace is unknown', () => {
    expect([tests(), tests()]).toEqual([true, false]);
    namespace = `net:[${++namespaces}]`;
    expect([tests(), tests()]).toEqual([true, false]);
    namespace = undefined;
    expect([tests(), tests()]).toEqual([true, true]);
  });

  test('remembers nothing as long as no datagram arrives', () => {
    const { onLoopback } = kernel;
    kernel.onLoopback = () => [];
    expect([tests(), tests()]).toEqual([true, true]);
    kernel.onLoopback = onLoopback;
    expect([tests(), tests()]).toEqual([true, false]);
    expect(lost).toEqual([]);
  });
});

describe('UdpSockets', () => {
  test.each([
    [10, 10, 10, Number.NaN],
    [10, 10, 10, 0.5],
    [10, 10, 10, 0],
    [10, 10, 10.5, 2],
    [10.5, 10, 11, 2],
    [10, 9.5, 10, 2],
  ])(
    'refuse a run of datagrams of %d bytes, the last one of %d, with stride %d and count %d, also after close',
    (each, last, stride, count) => {
      const sockets = open({ gso: false, gro: false });
      const destination = new Endpoint(Uint8Array.of(192, 0, 2, 1), 9);
      const send = (): void => {
        sockets.sendRun(runOf(new Uint8Array(100), 0, each, last, stride, count, destination, 0));
      };
      expect(send).toThrow(/^"(length|lastLength|stride|count)" expected/);
      sockets.close();
      expect(send).toThrow(/^"(length|lastLength|stride|count)" expected/);
      expect(sockets.counters.sendDroppedFailed).toBe(0);
    },
  );
});
