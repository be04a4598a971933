import { afterEach, describe, expect, test } from 'vitest';
import { aborted, EndSignals, isIgnored } from '../src/end-signals.ts';

describe('EndSignals', () => {
  let signals: EndSignals;
  afterEach(() => signals.release());

  test.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])('receives %s', async (name) => {
    signals = new EndSignals();
    const ended = aborted(signals.signal);
    process.emit(name, name);
    await ended;
    expect(signals.received).toBe(name);
  });

  test('keeps the first of several signals', () => {
    signals = new EndSignals();
    process.emit('SIGTERM', 'SIGTERM');
    process.emit('SIGINT', 'SIGINT');
    expect(signals.received).toBe('SIGTERM');
  });

  test('receives no signal after it was released', () => {
    const before = process.listenerCount('SIGTERM');
    signals = new EndSignals();
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    signals.release();
    expect(process.listenerCount('SIGTERM')).toBe(before);
    expect(signals.signal.aborted).toBe(false);
  });
});

describe('aborted', () => {
  test('resolves at once for a signal that was aborted before', async () => {
    await expect(aborted(AbortSignal.abort())).resolves.toBeUndefined();
  });
});

describe('isIgnored', () => {
  test('reads the mask of ignored signals, in which bit 0 is signal 1', () => {
    const nohup = 'SigBlk:\t0000000000000000\nSigIgn:\t0000000000000001\n';
    expect(isIgnored('SIGHUP', nohup)).toBe(true);
    expect(isIgnored('SIGTERM', nohup)).toBe(false);
    expect(isIgnored('SIGTERM', 'SigIgn:\t0000000000004000\n')).toBe(true);
  });

  test('treats no signal as ignored if there is no mask', () => {
    expect(isIgnored('SIGHUP', '')).toBe(false);
  });
});
