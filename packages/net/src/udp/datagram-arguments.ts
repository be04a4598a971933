/**
 * The arguments of `bind` and `send`, in all the forms that dgram.Socket takes.
 *
 * @module
 */
import { requireInteger } from '@litz/core/internals';
import { readPort } from '../tcp/connect-options.ts';

/** Options of `DatagramSocket.bind`. */
export interface BindOptions {
  /** Default 0: a free port. */
  readonly port?: number | undefined;
  /** A name or an address of the network. Default: all addresses. */
  readonly address?: string | undefined;
}

/** The callback of `send`. */
export type SendCallback = (error: Error | null, bytes: number) => void;

/** A datagram to send. */
export interface Datagram {
  readonly bytes: Uint8Array;
  /** 0 if the socket is connected, because the destination is known then. */
  readonly port: number;
  readonly address: string | undefined;
  readonly callback: SendCallback | undefined;
}

/** Returns the arguments of `bind`. @throws {RangeError} the port is wrong */
export function readBindArguments(given: readonly unknown[]): {
  port: number;
  address: string | undefined;
  callback: (() => void) | undefined;
} {
  const last = given.at(-1);
  const callback = typeof last === 'function' ? (last as () => void) : undefined;
  const [first, second] = given.filter((argument) => typeof argument !== 'function');
  const options =
    typeof first === 'object' && first !== null
      ? (first as BindOptions)
      : { port: (first ?? 0) as number, address: second as string | undefined };
  const address = options.address === '' ? undefined : options.address;
  return { port: readPort(options.port ?? 0, 'port'), address, callback };
}

/**
 * Returns the datagram that the arguments of `send` describe.
 *
 * @param isConnected whether the socket has a destination already
 * @throws {TypeError | RangeError} an argument is wrong
 */
export function readSendArguments(given: readonly unknown[], isConnected: boolean): Datagram {
  const last = given.at(-1);
  const callback = typeof last === 'function' ? (last as SendCallback) : undefined;
  const [message, ...rest] = given.filter((argument) => typeof argument !== 'function');
  // Two numbers after the message are an offset and a length; a single number is a port.
  const isPair = typeof rest[0] === 'number' && typeof rest[1] === 'number';
  const hasRange = isPair && (isConnected || rest.length >= 3);
  const bytes = toBytes(message);
  const part = hasRange ? slice(bytes, rest[0], rest[1]) : bytes;
  // node:dgram also ignores the destination if the socket is connected.
  if (isConnected) return { bytes: part, port: 0, address: undefined, callback };
  const [port, address] = hasRange ? rest.slice(2) : rest;
  const number = readPort(port, 'port');
  if (number === 0) {
    const text = '"port" expected an integer from 1 to 65535, got 0';
    throw Object.assign(new RangeError(text), { code: 'ERR_SOCKET_BAD_PORT' });
  }
  if (address !== undefined && address !== null && typeof address !== 'string') {
    throw new TypeError(`"address" expected a string, got ${typeof address}`);
  }
  const host = typeof address === 'string' && address !== '' ? address : undefined;
  return { bytes: part, port: number, address: host, callback };
}

function slice(bytes: Uint8Array, offset: unknown, length: unknown): Uint8Array {
  requireInteger(offset, 'offset', 0, bytes.length);
  requireInteger(length, 'length', 0, bytes.length - (offset as number));
  return bytes.subarray(offset as number, (offset as number) + (length as number));
}

function toBytes(message: unknown): Uint8Array {
  if (Array.isArray(message)) return Buffer.concat(message.map(toBytes));
  if (typeof message === 'string') return Buffer.from(message);
  if (message instanceof Uint8Array) return message;
  if (ArrayBuffer.isView(message)) {
    return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  }
  throw new TypeError('"message" expected a string, bytes, or a list of them');
}
