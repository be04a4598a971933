import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sys from '@litz/sys';
import { describeWith, requirement } from '@litz/testkit';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HandOverChannel, type Arrived } from '../../src/hand-over/hand-over-channel.ts';
import type { SavedDevice } from '../../src/hand-over/saved-device.ts';

const linux = requirement('Linux', () => process.platform === 'linux' || process.platform);

let folder: string;
let old: HandOverChannel;
let successor: HandOverChannel;

describeWith([linux], 'HandOverChannel', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'litz-hand-over-'));
    const listener = new sys.UnixListener(join(folder, 's'));
    successor = new HandOverChannel(sys.UnixChannel.connect(join(folder, 's')), sys);
    old = new HandOverChannel(listener.accept()!, sys);
    listener.close();
  });
  afterEach(() => {
    old.close();
    successor.close();
    rmSync(folder, { recursive: true });
  });

  it('leaves no byte of a state at the sender or in the shared memory', async () => {
    const state = Uint8Array.from({ length: 200_000 }, (_, i) => (i % 255) + 1);
    const expected = state.slice();
    old.sendDevice('state', savedWith(state), undefined);
    expect(isZero(state)).toBe(true);
    const arrived = (await successor.receive(5000)) as Arrived;
    const copy = sys.check(sys.libc().fcntl(arrived.fds[0], F_DUPFD_CLOEXEC, 0), 'fcntl');
    const { saved } = successor.readDevice(arrived);
    expect(Buffer.from(saved.state).equals(expected)).toBe(true);
    const memory = new sys.SharedMemory(copy);
    const left = memory.read();
    memory.close();
    expect(left).toHaveLength(expected.length);
    expect(isZero(left)).toBe(true);
  });

  it('wipes a state that cannot be sent, because the other process has ended', () => {
    successor.close();
    const state = new Uint8Array(100).fill(7);
    expect(() => old.sendDevice('state', savedWith(state), undefined)).toThrow(/EPIPE/);
    expect(isZero(state)).toBe(true);
  });

  it('reports the end of the other process after its last message', async () => {
    successor.send({ type: 'running' });
    successor.close();
    expect(await old.receive(1000)).toMatchObject({ message: { type: 'running' } });
    expect(await old.receive(1000)).toBe('closed');
  });

  it('stays open until the kernel has taken the last message', async () => {
    const errors = ['ENOBUFS', 'EAGAIN'];
    const sent: string[] = [];
    let isClosed = false;
    const channel = new HandOverChannel(
      {
        send: (bytes: Uint8Array) => {
          const errno = errors.shift();
          if (errno) throw new sys.SystemError('sendmsg', errno === 'EAGAIN' ? 11 : 105);
          sent.push(new TextDecoder().decode(bytes));
        },
        close: () => {
          isClosed = true;
        },
      } as unknown as sys.UnixChannel,
      sys,
    );
    const ended = channel.endWith({ type: 'abort', reason: 'late' });
    expect([isClosed, sent]).toEqual([false, []]);
    await ended;
    expect([isClosed, sent]).toEqual([true, ['{"type":"abort","reason":"late"}']]);
  });

  it('closes at once if the other process has ended', async () => {
    old.close();
    await successor.endWith({ type: 'running' });
    expect(() => successor.send({ type: 'running' })).toThrow(/EBADF/);
  });

  it('ends a wait without a limit when its signal is aborted', async () => {
    const end = new AbortController();
    const received = old.receive(Infinity, end.signal);
    end.abort(new Error('enough'));
    await expect(received).rejects.toThrow('enough');
  });

  it('refuses a message that carries no device', async () => {
    old.send({ type: 'commit' });
    const arrived = (await successor.receive(1000)) as Arrived;
    expect(() => successor.readDevice(arrived)).toThrow('expected a device, got commit');
  });
});

function savedWith(state: Uint8Array): SavedDevice {
  const plane = { listenPort: 0, mark: 0, isUp: true, lostOffloads: [] };
  const settings = { name: 'x', offloads: { tcp: true, udp: true }, plane, now: 0 };
  return { settings, fds: [], state };
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

const F_DUPFD_CLOEXEC = 1030;
