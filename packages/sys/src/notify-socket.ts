/**
 * `NotifySocket`: sends messages to the service manager that started this process (sd_notify(3)).
 *
 * Each message is one datagram to the Unix socket in `NOTIFY_SOCKET`. systemd reads such datagrams,
 * and so do other managers and container runtimes. Node.js has no Unix datagram sockets, so this
 * socket is made with system calls.
 *
 * @module
 */
import { checkObject, checkString } from './arguments.ts';
import { AF_UNIX, SOCK_CLOEXEC, SOCK_DGRAM } from './constants.ts';
import { libc } from './libc.ts';
import { allocate, type Region } from './memory.ts';
import { check, SystemError } from './system-error.ts';

export class NotifySocket {
  #fd: number;
  readonly #address: Region;
  readonly #length: number;

  /**
   * Returns the socket of the service manager; undefined if this process is not a service.
   *
   * @param env the environment; its `NOTIFY_SOCKET` is a path, or `@` and an abstract name
   * @throws {TypeError} `NOTIFY_SOCKET` is neither, or is too long
   */
  static of(env: NodeJS.ProcessEnv): NotifySocket | undefined {
    checkObject('env', env);
    const path = env['NOTIFY_SOCKET'];
    return path === undefined || path === '' ? undefined : new NotifySocket(path);
  }

  private constructor(path: string) {
    const name = Buffer.from(path, 'utf8');
    if (!/^[/@]./.test(path) || name.length > LONGEST_NAME) {
      const text = `"NOTIFY_SOCKET" expected a path, or @ and a name, of at most ${LONGEST_NAME} bytes`;
      throw new TypeError(text);
    }
    this.#fd = check(libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'socket');
    // struct sockaddr_un: the family (2 bytes) and the name. An abstract name begins with a zero.
    this.#address = allocate(2 + LONGEST_NAME + 1);
    this.#address.view.setUint16(0, AF_UNIX, true);
    this.#address.bytes.set(name, 2);
    const isAbstract = path.startsWith('@');
    if (isAbstract) this.#address.bytes[2] = 0;
    this.#length = 2 + name.length + (isAbstract ? 0 : 1);
  }

  /**
   * Sends a message, as lines `NAME=value`. The call waits if the manager has not read earlier
   * messages.
   *
   * @throws {SystemError} the manager does not read at this address
   */
  send(message: string): void {
    checkString('message', message);
    if (this.#fd < 0) return;
    const bytes = Buffer.from(message, 'utf8');
    const text = allocate(bytes.length);
    text.bytes.set(bytes);
    const { address } = this.#address;
    const length = bytes.length;
    const sent = libc().sendto(this.#fd, text.address, length, MSG_NOSIGNAL, address, this.#length);
    if (sent < 0) throw new SystemError('sendto', libc().errno(), 'cannot notify');
  }

  /** May be called again. */
  close(): void {
    if (this.#fd >= 0) libc().close(this.#fd);
    this.#fd = -1;
  }
}

/** sys/socket.h */
const MSG_NOSIGNAL = 0x4000;
/** Length in bytes of sockaddr_un.sun_path without its final zero. */
const LONGEST_NAME = 107;
