/**
 * Waiting for a link to carry packets.
 *
 * @module
 */
import { checkTimeout } from '../arguments.ts';
import { boottimeMs } from '../clock.ts';
import { POLLIN } from '../constants.ts';
import { PollSet } from '../poll-set.ts';
import { LinkMonitor } from './link-monitor.ts';

/**
 * Blocks the calling thread until a link of its namespace is running: between "up" and that the
 * kernel drops what is sent, without an error. On a veth it is a moment after the second end is up;
 * a first ARP request lost in it costs a second.
 *
 * @returns false if it is not running after `timeoutMs`, or gone
 * @throws {SystemError} ENODEV: there is no such link
 */
export function waitUntilRunning(interfaceIndex: number, timeoutMs = 2000): boolean {
  checkTimeout('timeoutMs', timeoutMs);
  const deadline = boottimeMs() + timeoutMs;
  const monitor = new LinkMonitor(interfaceIndex);
  try {
    const set = new PollSet();
    set.add(monitor.fd, POLLIN);
    while (!monitor.link.running) {
      if (set.wait(deadline - boottimeMs()) === 0) return false;
      if (monitor.read().some(({ type }) => type === 'gone')) return false;
    }
    return true;
  } finally {
    monitor.close();
  }
}
