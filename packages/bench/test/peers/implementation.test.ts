import { describe, expect, it } from 'vitest';
import { PEER_NAMES, peersNamed } from '../../src/peers/implementation.ts';

describe('peersNamed', () => {
  it('returns the named implementations, in the order of all implementations', () => {
    const chosen = peersNamed(['boringtun', 'wireguard-go']);
    expect(chosen.map(({ name }) => name)).toEqual(['wireguard-go', 'boringtun']);
    expect(peersNamed([])).toEqual([]);
  });

  it('returns wireguard-go twice: with its default number of threads, and with one', () => {
    const [byDefault, oneThread] = peersNamed(PEER_NAMES);
    expect(byDefault?.env).toEqual({ WG_PROCESS_FOREGROUND: '1' });
    expect(oneThread?.env).toEqual({ WG_PROCESS_FOREGROUND: '1', GOMAXPROCS: '1' });
    expect(oneThread?.command('wg9')).toEqual(byDefault?.command('wg9'));
  });
});
