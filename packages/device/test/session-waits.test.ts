import { describe, expect, it, vi } from 'vitest';
import { SessionWaits, type Connect } from '../src/session-waits.ts';
import { ALICE, BOB } from './in-memory.ts';

describe('SessionWaits', () => {
  it('resolves at once when there is a session', async () => {
    const waits = new SessionWaits(() => Promise.resolve(true));
    await expect(waits.wait(BOB.publicKey, 1000)).resolves.toBeUndefined();
  });

  it('asks for a handshake again after a failure, and when the link goes up', async () => {
    const connect = vi.fn<Connect>(() => Promise.resolve(false));
    const waits = new SessionWaits(connect);
    const waiting = waits.wait(BOB.publicKey, 1000);
    waits.handleEvent({ type: 'handshake-failed', peer: ALICE.publicKey });
    expect(connect).toHaveBeenCalledTimes(1);
    waits.handleEvent({ type: 'handshake-failed', peer: BOB.publicKey });
    waits.handleEvent({ type: 'up', listenPort: 1 });
    expect(connect).toHaveBeenCalledTimes(3);
    waits.handleEvent({ type: 'session', peer: BOB.publicKey, state: 'up' });
    await waiting;
    waits.handleEvent({ type: 'up', listenPort: 1 });
    expect(connect).toHaveBeenCalledTimes(3);
  });

  it('ignores sessions of other peers, and expired sessions', async () => {
    const waits = new SessionWaits(() => Promise.resolve(false));
    const waiting = waits.wait(BOB.publicKey, 0);
    waits.handleEvent({ type: 'session', peer: ALICE.publicKey, state: 'up' });
    waits.handleEvent({ type: 'session', peer: BOB.publicKey, state: 'expired' });
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_LITZ_TIMEOUT' });
  });

  it('rejects with the error of connect, and with the error of rejectAll', async () => {
    const refused = new SessionWaits(() => Promise.reject(new Error('no such peer')));
    await expect(refused.wait(BOB.publicKey, 1000)).rejects.toThrow('no such peer');
    const waits = new SessionWaits(() => Promise.resolve(false));
    const waiting = waits.wait(BOB.publicKey, 1000);
    waits.rejectAll(new Error('closed'));
    await expect(waiting).rejects.toThrow('closed');
  });
});
