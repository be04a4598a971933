/**
 * `Stream`: one interface for the end of a connection in the kernel and in a stack. `StackStream`
 * is the end in a stack.
 *
 * @module
 */
import type { TcpSocket } from '../../src/index.ts';

export interface Stream {
  /** A code like 'ECONNRESET', if the connection failed. */
  readonly error: string | undefined;
  /** Whether the other side has ended its stream, and everything was read. */
  readonly isEnded: boolean;
  readonly isConnected: boolean;
  /** Returns how many bytes were taken; 0: none at present; -1: the connection failed. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /** Returns how many bytes were read; 0: none at present, or the end; -1: an error. */
  read(bytes: Uint8Array, offset: number, length: number): number;
  /** Ends the stream to the other side. */
  end(): void;
  close(): void;
  abort(): void;
}

export class StackStream implements Stream {
  readonly socket: TcpSocket;

  constructor(socket: TcpSocket) {
    this.socket = socket;
  }

  get error(): string | undefined {
    return this.socket.error?.code;
  }

  get isEnded(): boolean {
    return this.socket.isEnded;
  }

  get isConnected(): boolean {
    return this.socket.isConnected;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    if (this.socket.error) return -1;
    return this.socket.writable === 0 ? 0 : this.socket.send(bytes, offset, length);
  }

  read(bytes: Uint8Array, offset: number, length: number): number {
    const count = this.socket.receive(bytes, offset, length);
    return count === 0 && this.socket.error ? -1 : count;
  }

  end(): void {
    this.socket.shutdown();
  }

  close(): void {
    this.socket.close();
  }

  abort(): void {
    this.socket.abort();
  }
}
