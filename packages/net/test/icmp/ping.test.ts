import { describe, expect, test } from 'vitest';
import { ping } from '../../src/icmp/ping.ts';
import { linkedHosts } from '../linked-hosts.ts';

describe('ping', () => {
  test.each(['10.0.0.2', 'fd00::2'])('gets a reply from %s', async (address) => {
    const [a] = linkedHosts();
    const reply = await ping(a.host, address, { size: 3000 });
    expect(reply).toMatchObject({ address, ttl: 64 });
    expect(reply.roundTripMs).toBeGreaterThanOrEqual(0);
  });

  test('names the peer that does not answer', async () => {
    const [a] = linkedHosts();
    a.link.filter = () => false;
    await expect(ping(a.host, '10.0.0.2', { timeout: 5 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      syscall: 'ping',
      address: '10.0.0.2',
      message: 'ping ETIMEDOUT 10.0.0.2: no reply through the peer B within 5 ms',
    });
  });

  test('is ended by a signal', async () => {
    const [a] = linkedHosts();
    a.link.filter = () => false;
    const abort = new AbortController();
    const failed = ping(a.host, '10.0.0.2', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(failed).rejects.toMatchObject({ name: 'AbortError', cause: abort.signal.reason });
    const late = ping(a.host, '10.0.0.2', { signal: abort.signal });
    await expect(late).rejects.toMatchObject({ code: 'ABORT_ERR' });
  });

  test('fails with the reason for which the network was closed', async () => {
    const [a] = linkedHosts();
    const failed = ping(a.host, '10.0.0.2');
    const reason = new Error('the reason');
    a.host.fail(reason);
    await expect(failed).rejects.toBe(reason);
    await expect(ping(a.host, '10.0.0.2')).rejects.toBe(reason);
  });

  test('refuses a size that fits into no packet, and a loopback address', async () => {
    const [a] = linkedHosts();
    await expect(ping(a.host, '10.0.0.2', { size: 70_000 })).rejects.toThrow('"size" expected');
    await expect(ping(a.host, '127.0.0.1')).rejects.toMatchObject({ code: 'ENETUNREACH' });
  });
});
