/**
 * `UapiCapture`: answers `litz_capture=1` with a pcapng file. No function here rejects. An error
 * before the file is answered with an errno. A later error ends the file after its last whole
 * block. The statistics are then missing, which shows the client that something went wrong.
 *
 * @module
 */
import type { Socket } from 'node:net';
import { wipe } from '@litz/core/internals';
import { formatErrnoResponse, parseCaptureRequest, UAPI_ERRNO, UapiError } from '@litz/config';
import { errnoOf, type OnRefused, type UapiTarget } from './uapi-answers.ts';

/** A capture of one client. */
export class UapiCapture {
  readonly #target: UapiTarget;
  readonly #onRefused: OnRefused;
  #isStopped = false;
  #stop: () => void = () => {};

  constructor(target: UapiTarget, onRefused: OnRefused) {
    this.#target = target;
    this.#onRefused = onRefused;
  }

  /** Stops recording. The answer then ends with what was recorded before. */
  stop(): void {
    this.#isStopped = true;
    this.#stop();
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
      this.#stop = () => void capture.stop();
      if (this.#isStopped) this.#stop();
      await write(formatErrnoResponse(0));
      hasBegun = true;
      for await (const blocks of capture) {
        if (socket.destroyed) break;
        await write(blocks);
        // They may contain keys.
        wipe(blocks);
      }
    } catch (error) {
      this.#onRefused(error as Error);
      if (!hasBegun) await write(formatErrnoResponse(errnoOf(error)));
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
