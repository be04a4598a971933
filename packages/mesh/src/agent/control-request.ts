/**
 * `ControlRequest`: the requests that a running agent accepts on its socket, and the client that
 * sends them.
 *
 * @module
 */
import { createConnection } from 'node:net';
import { readLine } from '@litz/config/uapi';
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';
import { ENCRYPT_MODES, ENFORCEMENTS } from './agent-settings.ts';

/** A request to an agent: one line of JSON on its socket. */
export type ControlRequest =
  /** The answer is a `MeshStatus`. */
  | { readonly command: 'status' }
  /** The answer to each of the following requests is a line of text for the user. */
  | { readonly command: 'rotate-key'; readonly revoke: boolean }
  | { readonly command: 'enforcement'; readonly enforcement: Enforcement; readonly force: boolean }
  | { readonly command: 'encrypt'; readonly mode: EncryptMode }
  | { readonly command: 'down' };

/** The answer of an agent: one line of JSON on its socket. */
export type ControlAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string };

/**
 * Returns true if a parsed line is a request with all its fields. Additional fields are ignored.
 */
export function isControlRequest(value: unknown): value is ControlRequest {
  if (typeof value !== 'object' || value === null) return false;
  const { command, revoke, enforcement, force, mode } = value as Record<string, unknown>;
  switch (command) {
    case 'status':
    case 'down':
      return true;
    case 'rotate-key':
      return typeof revoke === 'boolean';
    case 'enforcement':
      return ENFORCEMENTS.includes(enforcement as Enforcement) && typeof force === 'boolean';
    case 'encrypt':
      return ENCRYPT_MODES.includes(mode as EncryptMode);
    default:
      return false;
  }
}

/**
 * Sends a request to the agent that listens on a socket and returns the result.
 *
 * @param options.longestMs how long to wait for an answer, in milliseconds; default: one minute
 * @throws {Error} no agent listens on the socket, the agent ends or does not answer in time, the
 *   answer is longer than `LONGEST_ANSWER`, or the agent refuses the request
 */
export async function sendControlRequest(
  path: string,
  request: ControlRequest,
  { longestMs = LONGEST_MS }: { readonly longestMs?: number } = {},
): Promise<unknown> {
  const socket = createConnection(path);
  socket.write(`${JSON.stringify(request)}\n`);
  let text: string | undefined;
  try {
    text = await readLine(socket, { longest: LONGEST_ANSWER, longestMs });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ETIMEDOUT' ? timeoutError(longestMs) : connectError(path, error as Error);
  } finally {
    socket.destroy();
  }
  const answer = read(text ?? '');
  if (!answer) throw new Error(`${path}: the agent ended before it answered`);
  if (answer.ok) return answer.result;
  throw new Error(answer.error);
}

function read(text: string): ControlAnswer | undefined {
  try {
    return JSON.parse(text) as ControlAnswer;
  } catch {
    return undefined;
  }
}

function timeoutError(ms: number): Error {
  const seconds = Math.round(ms / 1000);
  return new Error(
    `the agent has not answered for ${seconds} s: it is stopped or busy. ` +
      'It may still carry out the request',
  );
}

function connectError(path: string, { code, message }: NodeJS.ErrnoException): Error {
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new Error(`${path}: no agent is running for this interface (${code})`);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new Error(`${path}: not permitted (${code}): run this as root`);
  }
  return new Error(`${path}: ${message}`);
}

/** In bytes. Longer than the status of the largest mesh. */
const LONGEST_ANSWER: number = 64 * 1024 * 1024;
/** In milliseconds. Longer than the agent itself waits for a registry that does not answer. */
const LONGEST_MS = 60_000;
