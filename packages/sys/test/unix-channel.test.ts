import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SharedMemory } from '../src/shared-memory.ts';
import { UnixChannel, UnixListener, type ChannelMessage } from '../src/unix-channel.ts';
import { linuxCalls } from './requirements.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'litz-channel-'));
  path = join(folder, 's');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describeWith([linuxCalls], 'UnixChannel', () => {
  it('carries whole messages in both directions, and says who is at the other end', () => {
    const [listener, client, server] = connected();
    expect(server.receive()).toBeUndefined();
    client.send(Uint8Array.of(1, 2, 3));
    client.send(Uint8Array.of(4));
    expect(bytesOf(server)).toEqual([1, 2, 3]);
    expect(bytesOf(server)).toEqual([4]);
    server.send(new Uint8Array(60_000).fill(7));
    expect(bytesOf(client)).toHaveLength(60_000);
    const self = { pid: process.pid, uid: process.getuid?.() };
    expect([client.peer, server.peer]).toEqual([self, self]);
    for (const end of [listener, client, server]) end.close();
  });

  it('passes descriptors, which stay open when the sender closes its own', () => {
    const [listener, client, server] = connected();
    const first = openSync('/proc/self/status', 'r');
    const memory = SharedMemory.from(Uint8Array.of(5, 6));
    const { ino } = fstatSync(first);
    client.send(Uint8Array.of(1), [first, memory.fd]);
    closeSync(first);
    memory.close();
    const { fds } = server.receive() as ChannelMessage;
    expect(fds).toHaveLength(2);
    expect(fstatSync(fds[0]).ino).toBe(ino);
    expect(readSync(fds[0], new Uint8Array(8))).toBe(8);
    expect([...new SharedMemory(fds[1]).read()]).toEqual([5, 6]);
    for (const fd of fds) closeSync(fd);
    for (const end of [listener, client, server]) end.close();
  });

  it('passes descriptors that programs do not inherit', () => {
    const [listener, client, server] = connected();
    const file = openSync('/proc/self/status', 'r');
    client.send(Uint8Array.of(1), [file]);
    const [fd] = (server.receive() as ChannelMessage).fds;
    const { stdout } = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
    expect(stdout.split('\n')).not.toContain(String(fd));
    for (const open of [file, fd]) closeSync(open);
    for (const end of [listener, client, server]) end.close();
  });

  it('sleeps until a message or the end has come, or until the time limit', () => {
    const [listener, client, server] = connected();
    expect(server.wait(1)).toBe(false);
    client.send(Uint8Array.of(9));
    expect(server.wait(60_000)).toBe(true);
    expect(bytesOf(server)).toEqual([9]);
    expect(server.wait(0)).toBe(false);
    client.close();
    expect(server.wait(60_000)).toBe(true);
    for (const end of [listener, server]) end.close();
  });

  it('says that the other end is closed, after its last message', () => {
    const [listener, client, server] = connected();
    client.send(Uint8Array.of(9));
    client.close();
    expect(bytesOf(server)).toEqual([9]);
    expect(server.receive()).toBe('closed');
    expect(() => server.send(Uint8Array.of(1))).toThrow(/EPIPE/);
    for (const end of [listener, server]) end.close();
  });
});

describeWith([linuxCalls], 'UnixListener', () => {
  it('makes a socket that only its owner may use, and removes it', () => {
    const listener = new UnixListener(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(listener.accept()).toBeUndefined();
    expect(() => new UnixListener(path)).toThrow(/EADDRINUSE/);
    listener.close();
    listener.close();
    expect(() => UnixChannel.connect(path)).toThrow(/ENOENT/);
  });

  it('refuses a path that does not fit into an address', () => {
    expect(() => new UnixListener(join(folder, 'x'.repeat(108)))).toThrow(RangeError);
    expect(() => UnixChannel.connect('a\0b')).toThrow(TypeError);
  });
});

function connected(): [UnixListener, UnixChannel, UnixChannel] {
  const listener = new UnixListener(path);
  const client = UnixChannel.connect(path);
  return [listener, client, listener.accept()!];
}

function bytesOf(channel: UnixChannel): number[] {
  return [...(channel.receive() as ChannelMessage).bytes];
}
