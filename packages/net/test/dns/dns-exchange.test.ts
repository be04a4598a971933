import { once } from 'node:events';
import { decode, encode, type DecodedPacket, type Packet } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { askServer } from '../../src/dns/dns-exchange.ts';
import { DatagramSocket, Server, type RemoteInfo } from '../../src/index.ts';
import { linkedHosts, type LinkedHost } from '../linked-hosts.ts';

const QUERY = { name: 'www.example', type: 'A' } as const;
const ADDRESS = { type: 'A', name: 'www.example', data: '192.0.2.1', ttl: 60 } as const;
const PATIENCE_MS = 2000;

describe('askServer', () => {
  test('returns the answer of the server; ports and numbers of the questions are random', async () => {
    const [a, b] = linkedHosts();
    const ports = new Set<number>();
    const ids = new Set<number>();
    await dnsServer(b, (query, reply, from) => {
      ports.add(from.port);
      ids.add(query.id!);
      reply({ answers: [ADDRESS] });
    });
    for (let i = 0; i < 20; i++) {
      const answer = await askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS);
      expect(answer).toMatchObject({ code: 'NOERROR', addresses: ['192.0.2.1'] });
    }
    // Ports and numbers are random, so a few of the 20 may be equal.
    expect(ports.size).toBeGreaterThan(15);
    expect(ids.size).toBeGreaterThan(15);
  });

  test('asks over TCP when the answer did not fit', async () => {
    const [a, b] = linkedHosts();
    await dnsServer(b, (_query, reply) => reply({ flags: 0x0200 }));
    const server = new Server(b, {}, (socket) => {
      socket.once('data', (data: Buffer) => {
        const query = decode(data.subarray(2));
        const answers = Array.from({ length: 500 }, (_, i) => ({
          ...ADDRESS,
          data: `192.0.${i >> 8}.${i & 255}`,
        }));
        const message = encode({
          id: query.id!,
          type: 'response',
          questions: query.questions!,
          answers,
        });
        const length = Buffer.alloc(2);
        length.writeUInt16BE(message.length);
        // Sent in pieces, because TCP does not keep the boundaries of messages.
        socket.write(length.subarray(0, 1));
        socket.write(length.subarray(1));
        socket.end(message);
      });
    }).listen(53);
    const answer = await askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS);
    // No more than 64 of the 500 addresses are taken.
    expect(answer.addresses.length).toBe(64);
    server.close();
  });

  test('accepts no answer to another question, and none from another port', async () => {
    const [a, b] = linkedHosts();
    await dnsServer(b, (query, reply, from, socket) => {
      reply({ id: query.id! ^ 1, answers: [{ ...ADDRESS, data: '192.0.2.66' }] });
      socket.send('garbage', from.port, from.address);
      reply({ questions: [{ type: 'A', name: 'evil.example' }], answers: [ADDRESS] });
      const other = new DatagramSocket(b, 'udp4').bind(5353);
      const forged = encode({ ...answerTo(query), answers: [{ ...ADDRESS, data: '192.0.2.67' }] });
      other.send(forged, from.port, from.address, () => reply({ answers: [ADDRESS] }));
    });
    const answer = await askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS);
    expect(answer.addresses).toEqual(['192.0.2.1']);
  });

  test('asks again without EDNS options if the server does not know them', async () => {
    const [a, b] = linkedHosts();
    const withOptions: boolean[] = [];
    await dnsServer(b, (query, reply) => {
      withOptions.push(query.additionals!.length > 0);
      if (query.additionals!.length > 0) reply({ flags: 1, questions: [] });
      else reply({ answers: [ADDRESS] });
    });
    const answer = await askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS);
    expect(answer.addresses).toEqual(['192.0.2.1']);
    expect(withOptions).toEqual([true, false]);
  });

  test('leaves the EDNS options out over TCP too, if the server does not know them', async () => {
    const [a, b] = linkedHosts();
    await dnsServer(b, (query, reply) => {
      if (query.additionals!.length > 0) reply({ flags: 1, questions: [] });
      else reply({ flags: 0x0200 });
    });
    const server = new Server(b, {}, (socket) => {
      socket.once('data', (data: Buffer) => {
        const query = decode(data.subarray(2));
        const isKnown = query.additionals!.length === 0;
        const message = encode({
          ...answerTo(query),
          ...(isKnown ? { answers: [ADDRESS] } : { flags: 1 }),
        });
        const length = Buffer.alloc(2);
        length.writeUInt16BE(message.length);
        socket.end(Buffer.concat([length, message]));
      });
    }).listen(53);
    const answer = await askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS);
    expect(answer.addresses).toEqual(['192.0.2.1']);
    server.close();
  });

  test('says that nothing listens at the server, or that the server does not answer', async () => {
    const [a, b] = linkedHosts();
    const refused = askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS);
    await expect(refused).rejects.toMatchObject({ code: 'ECONNREFUSED', address: '10.0.0.2' });
    await dnsServer(b, () => {});
    const silent = askServer(a.host, '10.0.0.2', QUERY, 10);
    await expect(silent).rejects.toThrow('10.0.0.2: no answer within 10 ms');
  });

  test('fails with the reason for which the network was closed', async () => {
    const [a, b] = linkedHosts();
    await dnsServer(b, () => a.host.fail(new Error('the reason')));
    const failed = askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS);
    await expect(failed).rejects.toThrow('the reason');
    await expect(askServer(a.host, '10.0.0.2', QUERY, PATIENCE_MS)).rejects.toThrow('the reason');
  });
});

type Answering = (
  query: DecodedPacket,
  reply: (packet: Packet) => void,
  from: RemoteInfo,
  socket: DatagramSocket,
) => void;

async function dnsServer(host: LinkedHost, answer: Answering): Promise<DatagramSocket> {
  const socket = new DatagramSocket(host, 'udp4', (message, from) => {
    const query = decode(message);
    const reply = (packet: Packet): void => {
      socket.send(encode({ ...answerTo(query), ...packet }), from.port, from.address);
    };
    answer(query, reply, from, socket);
  }).bind(53);
  await once(socket, 'listening');
  return socket;
}

function answerTo(query: DecodedPacket): Packet {
  return { id: query.id!, type: 'response', questions: query.questions! };
}
