/**
 * Tests against an HTTP/2 server that gives answers which etcd never gives.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EtcdClient } from '../../../src/registry/etcd/etcd-client.ts';
import { parseEtcdEndpoints } from '../../../src/registry/etcd/etcd-endpoints.ts';
import { rangeResponse, watchResponse } from '../../../src/registry/etcd/etcd-messages.ts';
import { frameOf } from '../../../src/registry/etcd/grpc-frames.ts';

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };
const KEY = { key: Uint8Array.of(1) };

let server: Http2Server;
let client: EtcdClient;
let answer: (stream: ServerHttp2Stream) => void;

beforeEach(async () => {
  server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    answer(stream);
  });
  server.on('sessionError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  client = new EtcdClient(parseEtcdEndpoints(`etcd://127.0.0.1:${port}`));
});

afterEach(() => {
  client.close();
  server.close();
});

describe('EtcdClient', () => {
  test.each<[string, (stream: ServerHttp2Stream) => void, RegExp]>([
    [
      'an HTML page',
      (stream) => {
        stream.respond({ ':status': 200, 'content-type': 'text/html' });
        stream.end('<html>');
      },
      /^the server answered with the content type "text\/html": it is not etcd$/,
    ],
    [
      'a redirect',
      (stream) => {
        stream.respond({ ':status': 302, location: 'http://elsewhere.test/' });
        stream.end();
      },
      /^the server answered with HTTP status 302$/,
    ],
    [
      'bytes that are not a message',
      (stream) => whole(stream, frameOf(new Uint8Array(40).fill(0xff))),
      /^the answer to KV\/Range is not a message of etcd: /,
    ],
    [
      'very many empty items',
      (stream) =>
        whole(stream, frameOf(new Uint8Array(4_000_000).map((_, i) => (i % 2 ? 0 : 0x12)))),
      /^the answer to KV\/Range is not a message of etcd: "kvs" has more than 50000 items$/,
    ],
    [
      'a message of gigabytes',
      (stream) => whole(stream, Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff)),
      /^the server sends 4294967295 bytes at once$/,
    ],
    ['nothing', (stream) => whole(stream, new Uint8Array()), /without an answer/],
    ['half of a message', (stream) => whole(stream, Uint8Array.of(0, 0, 0)), /without an answer/],
    [
      'a status that is no number',
      (stream) => {
        stream.respond({ ...GRPC, 'grpc-status': 'x', 'grpc-message': '%1b[31m%zz' });
        stream.end();
      },
      /^%1b\[31m%zz$|^gRPC status NaN/,
    ],
    [
      'an end of the connection',
      (stream) => stream.session?.destroy(),
      /closed the connection|ended/,
    ],
  ])('refuses %s, and reads the next answer', async (_, wrong, message) => {
    answer = wrong;
    const error = await client.range(KEY).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'EtcdError', message: expect.stringMatching(message) });
    answer = (stream) => whole(stream, frameOf(rangeResponse.encode({ more: true })));
    expect((await client.range(KEY)).more).toBe(true);
  });

  test('reads a flood of empty watch answers no faster than it processes them', async () => {
    const message = frameOf(watchResponse.encode({ created: true }));
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => message));
    let written = 0;
    answer = (stream) => {
      stream.respond(GRPC);
      const write = (): void => {
        while (!stream.destroyed && written < 500_000_000) {
          written += flood.length;
          if (!stream.write(flood)) return void stream.once('drain', write);
        }
      };
      write();
    };
    const watch = await client.watch({ startRevision: 1n });
    for (let i = 0; i < 10_000; i++) expect((await watch.next())?.created).toBe(true);
    expect(written).toBeLessThan(10_000_000);
    watch.close();
  });
});

function whole(stream: ServerHttp2Stream, bytes: Uint8Array): void {
  stream.respond(GRPC, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.end(bytes);
}
