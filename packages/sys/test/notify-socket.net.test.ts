/**
 * Tests that send notifications to a socket like that of a service manager. Another process, socat,
 * reads them.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { expect, onTestFinished, test, vi } from 'vitest';
import { NotifySocket } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls, programRequirement('socat', ['-V'])], 'NotifySocket', () => {
  test('sends each message as one datagram to a path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'litz-notify-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'socket');

    const read = await reader(`UNIX-RECVFROM:${path},fork`, path);

    expect(read()).toBe('');
    const socket = NotifySocket.of({ NOTIFY_SOCKET: path })!;
    socket.send('READY=1\nSTATUS=läuft\n');
    await vi.waitUntil(() => read() === 'READY=1\nSTATUS=läuft\n');
    socket.close();
    // After `close`, nothing is sent, and nothing fails.
    socket.send('STOPPING=1');
    socket.close();
  });

  test('sends to abstract names', async () => {
    const name = `litz-notify-${process.pid}`;

    const read = await reader(`ABSTRACT-RECVFROM:${name},fork`, `@${name}`);

    const socket = NotifySocket.of({ NOTIFY_SOCKET: `@${name}` })!;
    socket.send('WATCHDOG=1\n');
    await vi.waitUntil(() => read() !== '');
    expect(read()).toBe('WATCHDOG=1\n');
    socket.close();
  });

  test('says what is wrong with the address', () => {
    expect(NotifySocket.of({})).toBeUndefined();
    expect(NotifySocket.of({ NOTIFY_SOCKET: '' })).toBeUndefined();
    for (const NOTIFY_SOCKET of ['relative', '@', '/', `/${'x'.repeat(107)}`]) {
      expect(() => NotifySocket.of({ NOTIFY_SOCKET })).toThrow(/"NOTIFY_SOCKET" expected a path/);
    }
    const socket = NotifySocket.of({ NOTIFY_SOCKET: '/nonexistent/socket' })!;
    expect(() => socket.send('READY=1')).toThrow('cannot notify: sendto: ENOENT');
    socket.close();
  });
});

/** Starts socat, and waits until it reads. @returns a function that returns what it has read */
async function reader(address: string, name: string): Promise<() => string> {
  const child = spawn('socat', ['-u', address, 'STDOUT'], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill());
  let read = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (read += text));
  const isThere = (): boolean => {
    try {
      const socket = NotifySocket.of({ NOTIFY_SOCKET: name })!;
      socket.send(PROBE);
      socket.close();
      return true;
    } catch {
      return false;
    }
  };
  await vi.waitUntil(isThere, { timeout: 10_000 });
  return () => read.replace(PROBE, '');
}

const PROBE = 'PROBE=1\n';
