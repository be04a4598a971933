/**
 * A server that replaces the API server and has its certificate. A test sets its answers.
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Objects of Kubernetes as the API server writes them. */
export interface KubeObject {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export class HostileKube {
  /** The items of each list; `endless`: lists never end. */
  records: 'endless' | readonly KubeObject[] = 'endless';
  /** How many watches have been opened. */
  watching = 0;
  readonly #server: Server;
  readonly #collection: string;
  readonly #watches: Set<ServerResponse> = new Set();
  #page = 0;
  #version = 1;

  /**
   * @param collection the path of the records' list
   * @param certificate the certificate of the real server, and its key
   */
  static async start(
    collection: string,
    certificate: { readonly cert: string; readonly key: string },
  ): Promise<HostileKube> {
    const hostile = new HostileKube(collection, certificate);
    hostile.#server.listen(0, '127.0.0.1');
    await once(hostile.#server, 'listening');
    return hostile;
  }

  private constructor(collection: string, certificate: { cert: string; key: string }) {
    this.#collection = collection;
    this.#server = createServer(certificate, (request, response) => {
      response.on('error', () => {});
      this.#answer(request, response);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sends an event to each open watch. */
  send(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    const event = `${JSON.stringify({ type, object: { ...object, metadata } })}\n`;
    for (const watch of this.#watches) watch.write(event);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #answer({ method, url = '' }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, 'https://hostile.test');
    response.setHeader('content-type', 'application/json');
    if (method !== 'GET' || pathname !== this.#collection) {
      response.statusCode = 500;
      response.end('{"kind":"Status","status":"Failure","message":"hostile","code":500}');
    } else if (searchParams.get('watch') === 'true') {
      this.#watch(response, Number(searchParams.get('resourceVersion')));
    } else {
      response.end(JSON.stringify(this.#list()));
    }
  }

  /**
   * Answers with an error of code 410 if the version is one of the real server, so that the client
   * lists again. The real server does the same with versions of this server.
   */
  #watch(response: ServerResponse, version: number): void {
    if (version > this.#version) {
      const object = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 };
      response.end(`${JSON.stringify({ type: 'ERROR', object })}\n`);
      return;
    }
    this.watching++;
    this.#watches.add(response);
    response.on('close', () => this.#watches.delete(response));
    response.flushHeaders();
  }

  #list(): object {
    const resourceVersion = String(++this.#version);
    if (this.records !== 'endless') return { metadata: { resourceVersion }, items: this.records };
    const page = ++this.#page;
    const items = Array.from({ length: OBJECTS_PER_PAGE }, (_, i) => ({
      metadata: { name: `junk-${page}-${i}`, resourceVersion },
      spec: { junk: 'x'.repeat(400) },
    }));
    return { metadata: { resourceVersion, continue: `page ${page}` }, items };
  }
}

const OBJECTS_PER_PAGE = 5000;
