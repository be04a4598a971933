/**
 * A server that speaks the protocol of etcd and gives wrong answers: it belongs to another cluster,
 * and its list of keys never ends.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  rangeResponse,
  watchResponse,
  type RangeResponse,
} from '../../../src/registry/etcd/etcd-messages.ts';
import { frameOf } from '../../../src/registry/etcd/grpc-frames.ts';
import { bytesOf } from '../../../src/registry/etcd/key-bytes.ts';

export class HostileEtcd {
  /** How many pages of the list were requested so far. */
  pages = 0;
  readonly #server: Http2Server = createServer();

  static async start(): Promise<HostileEtcd> {
    const hostile = new HostileEtcd();
    hostile.#server.listen(0, '127.0.0.1');
    await once(hostile.#server, 'listening');
    return hostile;
  }

  private constructor() {
    this.#server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      const method = String(headers[':path']);
      if (method.endsWith('/Watch')) this.#startWatch(stream);
      else this.#answer(stream, rangeResponse.encode(this.#nextPage()));
    });
    this.#server.on('session', (session) => session.on('error', () => {}));
    this.#server.on('sessionError', () => {});
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  close(): void {
    this.#server.close();
  }

  /** Returns keys that no page has had before, each with a long name and junk as its value. */
  #nextPage(): Partial<RangeResponse> {
    const page = ++this.pages;
    const name = (i: number): string =>
      `litz/nodes/v1/${String(page).padStart(9, '0')}-${i}`.padEnd(250, 'x');
    const kvs = Array.from({ length: KEYS_PER_PAGE }, (_, i) => ({
      key: bytesOf(name(i)),
      value: bytesOf(JUNK),
      modRevision: 1n,
      lease: 0n,
    }));
    return { header: HEADER, kvs, more: true };
  }

  #answer(stream: ServerHttp2Stream, message: Uint8Array): void {
    stream.respond(GRPC, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frameOf(message));
  }

  #startWatch(stream: ServerHttp2Stream): void {
    stream.respond(GRPC);
    stream.write(frameOf(watchResponse.encode({ created: true, header: HEADER })));
  }
}

const GRPC = { ':status': 200, 'content-type': 'application/grpc' };
const HEADER = { clusterId: 99n, revision: 7n };
const KEYS_PER_PAGE = 5000;
const JUNK = `{"version":1,"addresses":["${'9'.repeat(400)}"]}`;
