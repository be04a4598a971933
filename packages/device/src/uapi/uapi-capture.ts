/**
 * `UapiCapture`: answers `litz_capture=1` with a pcapng file. No function here rejects. An error
 * before the file begins is answered with an errno. If there is an error later, the file ends with
 * a block whose comment is the error.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { wipe } from '@litz/core/internals';
import { formatErrnoResponse, parseCaptureRequest, UAPI_ERRNO, UapiError } from '@litz/config';
import { formatFailure } from '../capture/pcapng-section.ts';
import { errnoOf, type OnRefused, type UapiTarget } from './uapi-answers.ts';

/** A capture of one client. */
export class UapiCapture {
  readonly #target: UapiTarget;
  readonly #onRefused: OnRefused;
  #stop: (reason: string | undefined) => void = () => {};
  /** What `stop` was called with before there was a capture to stop. */
  #stopped: { readonly reason: string | undefined } | undefined = undefined;

  constructor(target: UapiTarget, onRefused: OnRefused) {
    this.#target = target;
    this.#onRefused = onRefused;
  }

  /**
   * Stops recording. The answer then ends with what was recorded before.
   *
   * @param reason why the capture ends, for the client; default: the client wants it to end
   */
  stop(reason?: string): void {
    this.#stopped ??= { reason };
    this.#stop(reason);
  }

  /**
   * Answers the request, until the capture has ended.
   *
   * @param body the lines of the request
   * @param socket of the client
   * @param write resolves when the client has taken the bytes, or is gone. The bytes are wiped
   *   after that.
   */
  async answer(
    body: string,
    socket: Socket,
    write: (bytes: string | Uint8Array) => Promise<void>,
  ): Promise<void> {
    let hasBegun = false;
    try {
      const capture = await this.#start(body, socket);
      this.#stop = (reason) => void capture.stop(reason);
      if (this.#stopped) this.#stop(this.#stopped.reason);
      await write(formatErrnoResponse(0));
      hasBegun = true;
      for await (const blocks of capture) {
        if (socket.destroyed) break;
        await write(blocks);
        // The blocks may contain keys.
        wipe(blocks);
      }
    } catch (error) {
      this.#onRefused(error as Error);
      const { message } = error as Error;
      await write(hasBegun ? formatFailure(message) : formatErrnoResponse(errnoOf(error)));
    }
  }

  async #start(body: string, socket: Socket): ReturnType<NonNullable<UapiTarget['capture']>> {
    const request = parseCaptureRequest(body);
    const target = this.#target;
    if (!target.capture) throw new UapiError(UAPI_ERRNO.EINVAL, 'this device cannot be captured');
    if (request.keyLog && !(await isRoot(socket))) {
      throw new UapiError(UAPI_ERRNO.EPERM, 'a user who is not root asked for a key log');
    }
    return target.capture(request);
  }
}

/** Whether the client is root. False if that cannot be found out. */
async function isRoot(socket: Socket): Promise<boolean> {
  // Node.js has no public way to ask a socket for its descriptor.
  const { _handle: handle } = socket as { _handle?: { fd?: unknown } | null };
  const fd = handle?.fd;
  if (typeof fd !== 'number' || fd < 0) return false;
  try {
    return (await import('@litz/sys')).peerUserId(fd) === 0;
  } catch {
    return false;
  }
}
