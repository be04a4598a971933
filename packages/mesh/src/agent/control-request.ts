/**
 * `ControlRequest`: what can be asked of a running agent, and how it is asked.
 *
 * @module
 */
import { createConnection } from 'node:net';
import type { EncryptMode, Enforcement } from '../plan/desired-host.ts';
import { ENCRYPT_MODES, ENFORCEMENTS } from './agent-settings.ts';

export type ControlRequest =
  /** Answered with an `AgentStatus`. */
  | { readonly command: 'status' }
  /** These are answered with a sentence. */
  | { readonly command: 'rotate-key'; readonly revoke: boolean }
  | { readonly command: 'enforcement'; readonly enforcement: Enforcement; readonly force: boolean }
  | { readonly command: 'encrypt'; readonly mode: EncryptMode }
  | { readonly command: 'down' };

export type ControlAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly error: string };

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
 * Asks the agent that serves a socket.
 *
 * @param options.longestMs without an answer; default: a minute
 * @throws {Error} nobody answers there, or not in time, or what it refused
 */
export async function askAgent(
  path: string,
  request: ControlRequest,
  { longestMs = LONGEST_MS }: { readonly longestMs?: number } = {},
): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    let answer = '';
    const socket = createConnection(path);
    socket.setTimeout(longestMs, () => socket.destroy(notAnswered(longestMs)));
    socket.setEncoding('utf8');
    socket.on('error', (error: NodeJS.ErrnoException) => reject(notAsked(path, error)));
    socket.on('data', (piece: string) => (answer += piece));
    socket.on('close', () => resolve(answer));
    socket.write(`${JSON.stringify(request)}\n`);
  });
  const answer = read(text);
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

function notAnswered(ms: number): Error {
  const seconds = Math.round(ms / 1000);
  return new Error(
    `the agent has not answered for ${seconds} s: it is stopped or busy. What was asked may still be done`,
  );
}

function notAsked(path: string, { code, message }: NodeJS.ErrnoException): Error {
  if (code === 'ENOENT' || code === 'ECONNREFUSED') {
    return new Error(`${path}: no agent runs for this interface (${code})`);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new Error(`${path}: not permitted (${code}): ask as root`);
  }
  return new Error(`${path}: ${message}`);
}

/** A registry that does not answer is given up before. */
const LONGEST_MS = 60_000;
