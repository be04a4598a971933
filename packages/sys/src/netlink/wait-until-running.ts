/**
 * `waitUntilRunning`: waits until a link can carry packets.
 *
 * @module
 */
import { checkTimeout } from '../arguments.ts';
import { boottimeMs } from '../clock.ts';
import { POLLIN } from '../constants.ts';
import { PollSet } from '../poll-set.ts';
import { LinkMonitor } from './link-monitor.ts';

/**
 * Blocks the calling thread until a link of its namespace is running. A link can be up before it is
 * running, and then the kernel drops packets without an error. A veth is running shortly after its
 * second end is up. An ARP request that is sent too early is lost, and the kernel repeats it only
 * after a second.
 *
 * @returns false if the link is gone, or not running after `timeoutMs`
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
