import { once } from 'node:events';
import * as dgram from 'node:dgram';
import { describe, expect, test } from 'vitest';
import { DatagramSocket, type RemoteInfo } from '../../src/index.ts';
import { linkedHosts } from '../linked-hosts.ts';
import { Trace } from '../side-by-side.ts';

/** Runs a scenario with node:dgram and with sockets of a network, and compares the traces. */
async function expectSame(
  scenario: (
    create: (type: 'udp4') => dgram.Socket,
    address: string,
    trace: Trace,
  ) => Promise<void>,
): Promise<void> {
  const run = async (create: (type: 'udp4') => dgram.Socket, address: string) => {
    const trace = new Trace();
    await scenario(create, address, trace);
    return trace.lines.map((line) =>
      line.replaceAll(address, 'ADDRESS').replaceAll(/\b\d{4,5}\b/g, 'PORT'),
    );
  };
  const node = await run((type) => dgram.createSocket(type), '127.0.0.1');
  const [a, b] = linkedHosts();
  // The first socket, which receives, is on the host `b`. The others are on `a`.
  let isFirst = true;
  const create = (type: 'udp4'): dgram.Socket => {
    const socket = new DatagramSocket(isFirst ? b : a, type);
    isFirst = false;
    return socket as unknown as dgram.Socket;
  };
  expect(await run(create, '10.0.0.2')).toEqual(node);
  expect(node.length).toBeGreaterThan(0);
}

describe('DatagramSocket, compared with node:dgram', () => {
  test('accepts all forms of the arguments of send', () =>
    expectSame(async (create, address, trace) => {
      const receiver = create('udp4').bind(0, address);
      await once(receiver, 'listening');
      const { port } = receiver.address();
      trace.add(receiver.address());
      const sender = create('udp4');
      const bytes = Buffer.from('0123456789');
      const sent: (() => void)[] = [
        () => sender.send('text', port, address),
        () => sender.send(bytes, 2, 3, port, address),
        () => sender.send([bytes.subarray(0, 2), 'xy'], port, address),
        () => sender.send(new Uint16Array([0x4142]), port, address),
        () => sender.send('', port, address),
        () => sender.send('call', port, address, (error, size) => trace.add('sent', error, size)),
      ];
      for (const send of sent) {
        send();
        const [message, from] = (await once(receiver, 'message')) as [Buffer, RemoteInfo];
        trace.add(message, from.family, from.size);
      }
      await Promise.all([closed(receiver), closed(sender)]);
    }));

  test('ignores the destination of send if it is connected', () =>
    expectSame(async (create, address, trace) => {
      const receiver = create('udp4').bind(0, address);
      await once(receiver, 'listening');
      const { port } = receiver.address();
      const sender = create('udp4');
      trace.add(codeOf(() => sender.remoteAddress()));
      sender.connect(port, address);
      await once(sender, 'connect');
      trace.add(sender.remoteAddress());
      trace.add(codeOf(() => sender.connect(port, address)));
      const received: string[] = [];
      const isComplete = new Promise<void>((resolve) => {
        receiver.on('message', (message) => {
          if (received.push(String(message)) === 3) resolve();
        });
      });
      sender.send('x', port, address);
      sender.send('abc');
      sender.send(Buffer.from('abc'), 1, 2);
      await isComplete;
      trace.add(received.join());
      sender.disconnect();
      trace.add(codeOf(() => sender.disconnect()));
      await Promise.all([closed(receiver), closed(sender)]);
    }));

  test('refuses wrong ports, and calls that a closed, bound or unbound socket does not allow', () =>
    expectSame(async (create, address, trace) => {
      const socket = create('udp4');
      trace.add(codeOf(() => socket.send('x', 0, address)));
      trace.add(codeOf(() => socket.send('x', 65_536, address)));
      trace.add(codeOf(() => socket.address()));
      socket.bind(0, address);
      await once(socket, 'listening');
      trace.add(codeOf(() => socket.bind(0, address)));
      const { port } = socket.address();
      const other = create('udp4');
      trace.add(typeof port);
      await Promise.all([closed(socket), closed(other)]);
      trace.add(
        codeOf(() => socket.send('x', 1, address)),
        codeOf(() => socket.close()),
      );
    }));
});

describe('DatagramSocket', () => {
  test('says that a port is taken', async () => {
    const [a] = linkedHosts();
    const first = new DatagramSocket(a, 'udp4').bind(53);
    await once(first, 'listening');
    const second = new DatagramSocket(a, 'udp4').bind(53);
    const [error] = (await once(second, 'error')) as [NodeJS.ErrnoException];
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', port: 53 });
    // IPv6 has ports of its own.
    const third = new DatagramSocket(a, 'udp6').bind(53);
    await once(third, 'listening');
    expect(third.address()).toEqual({ address: '::', family: 'IPv6', port: 53 });
  });

  test('reports that nobody listens at the port if it is connected', async () => {
    const [a] = linkedHosts();
    const socket = new DatagramSocket(a, 'udp4');
    socket.connect(9, '10.0.0.2');
    await once(socket, 'connect');
    socket.send('anybody?');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'recvmsg' });
  });

  test('sends a datagram in fragments, and refuses one that is too long', async () => {
    const [a, b] = linkedHosts();
    const receiver = new DatagramSocket(b, 'udp6').bind(7);
    const sender = new DatagramSocket(a, { type: 'udp6' });
    sender.send(Buffer.alloc(9000, 'x'), 7, 'fd00::2');
    const [message, from] = (await once(receiver, 'message')) as [Buffer, RemoteInfo];
    expect(message.equals(Buffer.alloc(9000, 'x'))).toBe(true);
    expect(from).toMatchObject({ address: 'fd00::1', family: 'IPv6', size: 9000 });
    sender.send(Buffer.alloc(70_000), 7, 'fd00::2');
    const [error] = (await once(sender, 'error')) as [NodeJS.ErrnoException];
    expect(error).toMatchObject({ code: 'EMSGSIZE', syscall: 'send' });
  });

  test('never sends to a loopback address', async () => {
    const [a] = linkedHosts();
    const socket = new DatagramSocket(a, 'udp4');
    const error = await new Promise((resolve) => socket.send('x', 53, '127.0.0.1', resolve));
    expect(error).toMatchObject({ code: 'ENETUNREACH', address: '127.0.0.1' });
  });

  test('is closed by a signal, and fails with the reason for which the network was closed', async () => {
    const [a] = linkedHosts();
    const abort = new AbortController();
    const socket = new DatagramSocket(a, { type: 'udp4', signal: abort.signal }).bind();
    await once(socket, 'listening');
    abort.abort();
    await once(socket, 'close');
    const other = new DatagramSocket(a, 'udp4').bind();
    await once(other, 'listening');
    const reason = new Error('the reason');
    const failed = once(other, 'error');
    a.host.fail(reason);
    expect(await failed).toEqual([reason]);
  });

  test('refuses a type other than udp4 and udp6', () => {
    const [a] = linkedHosts();
    expect(() => new DatagramSocket(a, 'udp5' as never)).toThrow('Bad socket type');
  });
});

async function closed(socket: dgram.Socket): Promise<void> {
  await new Promise<void>((resolve) => socket.close(resolve));
}

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
