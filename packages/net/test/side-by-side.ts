/**
 * Runs one scenario with node:net, then with sockets of a network, and compares what happened. So
 * the tests need not say what node:net does.
 *
 * @module
 */
import type { EventEmitter } from 'node:events';
import * as net from 'node:net';
import { expect } from 'vitest';
import { Server, Socket } from '../src/index.ts';
import { linkedHosts } from './linked-hosts.ts';

/** node:net, or its functions over a network. The types are those of node:net. */
export interface NetModule {
  readonly connect: typeof net.connect;
  readonly createServer: typeof net.createServer;
  readonly Socket: new (options?: net.SocketConstructorOpts) => net.Socket;
  /** The address of the servers. */
  readonly address: string;
  /** Another address of the same host. */
  readonly otherAddress: string;
}

/** What happened, in order. */
export class Trace {
  readonly lines: string[] = [];

  add(...values: unknown[]): void {
    this.lines.push(values.map(describe).join(' '));
  }

  /** Adds a line for each of these events. */
  watch(name: string, emitter: EventEmitter, events: readonly string[]): void {
    for (const event of events) {
      emitter.on(event, (...values: unknown[]) => this.add(name, event, ...values));
    }
  }
}

export type Scenario = (module: NetModule, trace: Trace) => Promise<void>;

/** Runs the scenario with node:net and with a network, and expects equal traces. */
export async function expectSame(scenario: Scenario): Promise<void> {
  const node = await run(nodeModule(), scenario);
  const own = await run(ownModule(), scenario);
  expect(own).toEqual(node);
  // A scenario without a trace would compare nothing.
  expect(node.length).toBeGreaterThan(0);
}

async function run(module: NetModule, scenario: Scenario): Promise<string[]> {
  const trace = new Trace();
  await scenario(module, trace);
  return trace.lines.map((line) =>
    line
      .replaceAll(module.address, 'ADDRESS')
      .replaceAll(module.otherAddress, 'OTHER')
      .replaceAll(/(ADDRESS|OTHER)[: ]\d+/g, '$1:PORT')
      .replaceAll(/"(port|localPort|remotePort)":\d+/g, '"$1":PORT'),
  );
}

function nodeModule(): NetModule {
  return { ...net, address: '127.0.0.1', otherAddress: '127.0.0.7' };
}

function ownModule(): NetModule {
  const [a, b] = linkedHosts({}, [['10.0.0.1'], ['10.0.0.2', '10.0.0.7']]);
  const connect = (...given: unknown[]): Socket => {
    const [options] = given as [object];
    const isObject = typeof options === 'object';
    return new Socket(a, isObject ? options : {}).connect(...(given as [never]));
  };
  const createServer = (...given: unknown[]): Server => {
    const [options, listener] = given as [object, never];
    return typeof options === 'function'
      ? new Server(b, {}, options as never)
      : new Server(b, options, listener);
  };
  return {
    connect: connect as never,
    createServer: createServer as never,
    Socket: class extends Socket {
      constructor(options = {}) {
        super(a, options);
      }
    } as never,
    address: '10.0.0.2',
    otherAddress: '10.0.0.7',
  };
}

function describe(value: unknown): string {
  if (value instanceof AggregateError) {
    const { code } = value as { code?: string };
    return `AggregateError ${code} [${value.errors.map(describe).join('; ')}]`;
  }
  if (value instanceof Error) {
    const { code, errno, syscall, address, port } = value as NodeJS.ErrnoException & {
      address?: string;
      port?: number;
    };
    return JSON.stringify({ message: value.message, code, errno, syscall, address, port });
  }
  if (value instanceof Uint8Array) return `<${Buffer.from(value).toString('latin1')}>`;
  if (typeof value === 'object' && value !== null && 'pipe' in value) return '<stream>';
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}
