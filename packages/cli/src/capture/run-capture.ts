/**
 * `runCapture`: runs `litz capture` until a limit is reached or a signal comes.
 *
 * @module
 */
import { resolve } from 'node:path';
import type { CaptureRequest } from '@litz/config';
import { UapiClient } from '@litz/config/uapi';
import { warnIfWorldReadable } from '../commands/keys.ts';
import { EndSignals } from '../end-signals.ts';
import { Failure } from '../failure.ts';
import type { CaptureFlags } from './capture-flags.ts';
import { FileOutput, StreamOutput, type CaptureOutput } from './capture-output.ts';
import { CaptureWriter } from './capture-writer.ts';

/**
 * Captures packets of an interface.
 *
 * @throws {Failure} (rejects) a flag is wrong, the capture could not be written, or the daemon has
 *   ended the capture; the message says why
 * @throws {UapiError | WireGuardError} (rejects) the daemon refused
 */
export async function runCapture(name: string, flags: CaptureFlags): Promise<void> {
  checkFlags(flags);
  const outputs = await openOutputs(flags);
  const end = new AbortController();
  const signals = new EndSignals();
  signals.signal.addEventListener('abort', () => end.abort(), { once: true });
  const { duration } = flags;
  const timer = duration === undefined ? undefined : setTimeout(() => end.abort(), duration * 1000);
  const writer = new CaptureWriter({
    ...outputs,
    embedsKeys: flags.embedKeys === true,
    count: flags.count ?? Infinity,
    size: flags.size ?? Infinity,
  });
  try {
    warnOfKeys(name, flags);
    await Promise.race([write(name, flags, writer, end), stuck(end.signal)]);
    report(name, flags, writer);
  } catch (error) {
    const isReaderGone = outputs.output instanceof StreamOutput && outputs.output.isReaderGone;
    // The reader has ended on purpose: Wireshark was closed, or `head` has read enough.
    if (!isReaderGone) throw error;
  } finally {
    clearTimeout(timer);
    signals.release();
    await outputs.output.close();
    await outputs.keys?.close();
  }
}

async function write(
  name: string,
  flags: CaptureFlags,
  writer: CaptureWriter,
  end: AbortController,
): Promise<void> {
  const { peer: peers = [], only: side = 'both', snapLength } = flags;
  const request: CaptureRequest = {
    peers,
    side,
    keyLog: wantsKeys(flags),
    ...(snapLength !== undefined && { snapLength }),
  };
  let hasBegun = false;
  for await (const bytes of UapiClient.of(name).capture(request, { signal: end.signal })) {
    if (!hasBegun) say(`litz: ${name}: captures packets; Ctrl-C ends it`);
    hasBegun = true;
    await writer.push(bytes);
    if (writer.isFull) end.abort();
  }
  const { isComplete, reason } = writer;
  if (!hasBegun || (isComplete && reason === undefined && end.signal.aborted)) return;
  const why = reason ?? (isComplete ? 'the daemon did not say why' : 'the daemon was killed');
  throw new Failure(`${name}: the capture has ended early: ${why}; ${countText(writer)}`);
}

/**
 * Rejects `STUCK_MS` milliseconds after `signal` is aborted. The rest of the capture must be
 * written by then.
 */
function stuck(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void =>
      reject(new Failure('the reader has stopped reading, so the end of the capture is missing'));
    signal.addEventListener('abort', () => setTimeout(fail, STUCK_MS).unref(), { once: true });
  });
}

function checkFlags(flags: CaptureFlags): void {
  const { write: target } = flags;
  if (target === undefined && process.stdout.isTTY) {
    const text = 'expected -w FILE, or a program that reads the capture: -w - | wireshark -k -i -';
    throw new Failure(text, { exitCode: 2 });
  }
  if (isStandardOutput(flags) && process.stdout.isTTY) {
    throw new Failure('a capture cannot be shown on a terminal: -w - | tshark -r -', {
      exitCode: 2,
    });
  }
  if (flags.keyLog === '-') {
    throw new Failure('--key-log expected a file, got standard output', { exitCode: 2 });
  }
  if (
    flags.keyLog !== undefined &&
    target !== undefined &&
    resolve(flags.keyLog) === resolve(target)
  ) {
    throw new Failure('--write and --key-log expected different files', { exitCode: 2 });
  }
  if (wantsKeys(flags) && process.getuid?.() !== 0) {
    throw new Failure('only root may have the keys of sessions (--key-log, --embed-keys)');
  }
}

async function openOutputs({
  write: target = '-',
  keyLog,
  embedKeys,
}: CaptureFlags): Promise<{ output: CaptureOutput; keys: CaptureOutput | undefined }> {
  const keys = keyLog === undefined ? undefined : await FileOutput.open(keyLog, true);
  try {
    const output =
      target === '-'
        ? new StreamOutput(process.stdout)
        : await FileOutput.open(target, embedKeys === true);
    return { output, keys };
  } catch (error) {
    await keys?.close();
    throw error;
  }
}

function isStandardOutput({ write: target = '-' }: CaptureFlags): boolean {
  return target === '-';
}

function wantsKeys({ keyLog, embedKeys }: CaptureFlags): boolean {
  return keyLog !== undefined || embedKeys === true;
}

function warnOfKeys(name: string, flags: CaptureFlags): void {
  if (!wantsKeys(flags)) return;
  // If standard output is a file, the shell has opened it, so the user has chosen its mode. If the
  // mode lets all users read the file, `litz capture` warns, but does not refuse.
  if (flags.embedKeys && isStandardOutput(flags)) warnIfWorldReadable(process.stdout.fd, say);
  const where = [flags.keyLog, flags.embedKeys && (flags.write ?? 'standard output')];
  say(
    `Warning: ${where.filter(Boolean).join(' and ')} will contain the private key of ${name} ` +
      'and the keys of its new sessions. Delete it after use.',
  );
}

function report(name: string, flags: CaptureFlags, writer: CaptureWriter): void {
  say(`litz: ${name}: ${countText(writer)}`);
  if (wantsKeys(flags)) say(`litz: ${name}: keys of ${counted(writer.handshakes, 'handshake')}`);
}

function countText({ packets, lost }: CaptureWriter): string {
  const missing = lost === 0 ? '' : ', because the capture was not written fast enough';
  return `${counted(packets, 'packet')} captured, ${lost} lost by the capture${missing}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** In ms. When a capture has been told to end, the rest of it must be written within this time. */
const STUCK_MS = 5000;
