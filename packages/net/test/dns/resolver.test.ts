import { describe, expect, test, vi } from 'vitest';
import type { DnsAnswer } from '../../src/dns/dns-message.ts';
import { Resolver, type ResolverOptions } from '../../src/dns/resolver.ts';

type Replies = Record<string, Partial<DnsAnswer> | Error | 'never'>;

describe('Resolver', () => {
  test('asks for IPv4 and IPv6 addresses at once, and keeps the answers', async () => {
    const { resolver, asked, clock } = resolving({
      'A www.example': { addresses: ['192.0.2.1'], ttl: 60 },
      'AAAA www.example': { addresses: ['2001:db8::1'], ttl: 60 },
    });
    const found = await resolver.resolve('www.example', [6, 4]);
    expect(found).toEqual({ addresses: ['2001:db8::1', '192.0.2.1'], failures: [] });
    await resolver.resolve('WWW.example', [6, 4]);
    expect(asked.length).toBe(2);
    clock.now = 60_000;
    await resolver.resolve('www.example', [4]);
    expect(asked.length).toBe(3);
  });

  test('sends a question once if it is asked several times at once', async () => {
    const { resolver, asked } = resolving({ 'A www.example': { addresses: ['192.0.2.1'] } });
    await Promise.all([1, 2, 3].map(() => resolver.resolve('www.example', [4])));
    expect(asked).toEqual(['10.0.0.1 A www.example']);
  });

  test('appends search domains', async () => {
    const { resolver, asked } = resolving(
      { 'A db.b.example': { addresses: ['192.0.2.1'] } },
      { search: ['a.example', 'b.example'] },
    );
    expect((await resolver.resolve('db', [4])).addresses).toEqual(['192.0.2.1']);
    expect(asked.map((line) => line.split(' ')[2])).toEqual(['db.a.example', 'db.b.example']);
  });

  test('asks the next server when one fails, and all servers once more at the end', async () => {
    const { resolver, asked } = resolving(
      {
        '10.0.0.1 A www.example': new Error('no answer'),
        '10.0.0.2 A www.example': { code: 'SERVFAIL' },
      },
      { servers: ['10.0.0.1', '10.0.0.2'] },
    );
    const found = await resolver.resolve('www.example.', [4]);
    expect(found).toEqual({ addresses: [], failures: ['no answer', '10.0.0.2 answered SERVFAIL'] });
    expect(asked.map((line) => line.split(' ')[0])).toEqual([
      '10.0.0.1',
      '10.0.0.2',
      '10.0.0.1',
      '10.0.0.2',
    ]);
  });

  test('takes the answer of the first server that has one', async () => {
    const { resolver, asked } = resolving(
      {
        '10.0.0.1 A www.example': new Error('no answer'),
        '10.0.0.2 A www.example': { addresses: ['192.0.2.1'] },
      },
      { servers: ['10.0.0.1', '10.0.0.2'] },
    );
    expect((await resolver.resolve('www.example', [4])).addresses).toEqual(['192.0.2.1']);
    expect(asked.length).toBe(2);
  });

  test('follows aliases that the server did not follow, up to a limit', async () => {
    const { resolver } = resolving({
      'A www.example': { alias: 'host.example' },
      'A host.example': { addresses: ['192.0.2.1'] },
      'A x.example': { alias: 'y.example' },
      'A y.example': { alias: 'x.example' },
    });
    expect((await resolver.resolve('www.example', [4])).addresses).toEqual(['192.0.2.1']);
    const endless = await resolver.resolve('x.example', [4]);
    expect(endless.failures).toEqual(['x.example has more than 8 aliases']);
  });

  test('waits only a short time for the other version of IP', async () => {
    const { resolver } = resolving({
      'A www.example': { addresses: ['192.0.2.1'] },
      'AAAA www.example': 'never',
    });
    const found = await resolver.resolve('www.example', [6, 4], { patienceMs: 1 });
    expect(found.addresses).toEqual(['192.0.2.1']);
  });

  test('ends the look-up when the signal is aborted', async () => {
    const { resolver } = resolving({ 'A www.example': 'never' });
    const abort = new AbortController();
    const failed = resolver.resolve('www.example', [4], { signal: abort.signal });
    abort.abort();
    await expect(failed).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
  });

  test('leaves no timer behind when it was aborted before the first answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let answer: (() => void) | undefined;
      const { resolver } = resolving(
        {},
        {
          ask: (_server, { type }) =>
            new Promise((resolve) => {
              if (type === 'AAAA') return;
              answer = () => resolve({ ...EMPTY, addresses: ['192.0.2.1'] });
            }),
        },
      );
      const controller = new AbortController();
      const { signal } = controller;
      const found = resolver.resolve('www.example', [6, 4], { patienceMs: 50, signal });
      controller.abort();
      await expect(found).rejects.toMatchObject({ name: 'AbortError' });
      answer?.();
      await new Promise((resolve) => setImmediate(resolve));
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

/** A resolver whose servers have these replies. For other names the reply is NXDOMAIN. */
function resolving(replies: Replies, options: Partial<ResolverOptions> = {}) {
  const asked: string[] = [];
  const clock = { now: 0 };
  const resolver = new Resolver({
    servers: ['10.0.0.1'],
    search: [],
    now: () => clock.now,
    ask: async (server, { name, type }) => {
      const key = `${type} ${name.toLowerCase()}`;
      asked.push(`${server} ${key}`);
      const reply = replies[`${server} ${key}`] ?? replies[key] ?? { code: 'NXDOMAIN' };
      if (reply === 'never') return new Promise<never>(() => {});
      if (reply instanceof Error) throw reply;
      return { ...EMPTY, ...reply };
    },
    ...options,
  });
  return { resolver, asked, clock };
}

const EMPTY: DnsAnswer = {
  code: 'NOERROR',
  isTruncated: false,
  addresses: [],
  alias: undefined,
  ttl: 0,
};
