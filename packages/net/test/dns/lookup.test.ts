import { describe, expect, test } from 'vitest';
import { NetworkLookup } from '../../src/dns/lookup.ts';
import { Resolver } from '../../src/dns/resolver.ts';

const OWN = ['10.0.0.1', 'fd00::1'];

describe('NetworkLookup', () => {
  test('returns an address as it is, and asks nobody', async () => {
    const { lookup, asked } = looking({});
    expect(await lookup.all('192.0.2.1')).toEqual([{ address: '192.0.2.1', family: 4 }]);
    expect(await lookup.all('::1')).toEqual([{ address: '::1', family: 6 }]);
    expect(asked).toEqual([]);
  });

  test.each(['localhost', 'LOCALHOST.', 'a.localhost'])(
    'returns for %s the addresses of the network',
    async (name) => {
      const { lookup, asked } = looking({});
      const own = OWN.map((address, i) => ({ address, family: i === 0 ? 4 : 6 }));
      expect(await lookup.all(name)).toEqual(own);
      expect(await lookup.all(name, { family: 6 })).toEqual(own.slice(1));
      expect(asked).toEqual([]);
    },
  );

  test('returns IPv6 addresses first, or IPv4 addresses first if requested', async () => {
    const { lookup } = looking({ 'www.example': ['192.0.2.1', '2001:db8::1'] });
    const families = async (options: object): Promise<number[]> =>
      (await lookup.all('www.example', options)).map(({ family }) => family);
    expect(await families({})).toEqual([6, 4]);
    expect(await families({ order: 'ipv4first' })).toEqual([4, 6]);
    expect(await families({ verbatim: false })).toEqual([4, 6]);
    expect(await families({ family: 4 })).toEqual([4]);
    expect(await families({ family: 'IPv6' })).toEqual([6]);
  });

  test('asks only for versions that the network has addresses of', async () => {
    const { lookup, asked } = looking({ 'www.example': ['192.0.2.1'] }, ['10.0.0.1']);
    await lookup.all('www.example');
    expect(asked).toEqual(['A www.example']);
  });

  test('asks for international names in their ASCII form', async () => {
    const { lookup, asked } = looking({ 'xn--grn-ioa.example': ['192.0.2.1'] });
    await lookup.all('grün.example', { family: 4 });
    expect(asked).toEqual(['A xn--grn-ioa.example']);
  });

  test('says which servers do not know a name', async () => {
    const { lookup } = looking({});
    await expect(lookup.all('no.example')).rejects.toMatchObject({
      message: 'getaddrinfo ENOTFOUND no.example: asked 10.0.0.53',
      code: 'ENOTFOUND',
      syscall: 'getaddrinfo',
      hostname: 'no.example',
      errno: -3008,
    });
  });

  test('says why a server did not answer', async () => {
    const { lookup } = looking({ 'www.example': new Error('10.0.0.53 is silent') });
    await expect(lookup.all('www.example')).rejects.toMatchObject({
      message: 'getaddrinfo EAI_AGAIN www.example: 10.0.0.53 is silent',
      code: 'EAI_AGAIN',
      errno: -3001,
    });
  });

  test('says that the network has no server', async () => {
    const resolver = new Resolver({ servers: [], search: [], ask: fail, now: () => 0 });
    const lookup = new NetworkLookup(resolver, OWN);
    await expect(lookup.all('www.example')).rejects.toThrow(
      'getaddrinfo ENOTFOUND www.example: the network has no DNS server',
    );
  });

  test('refuses a wrong family, and an aborted signal', async () => {
    const { lookup } = looking({});
    await expect(lookup.all('x', { family: 5 })).rejects.toThrow('"family" expected 0, 4 or 6');
    const signal = AbortSignal.abort();
    await expect(lookup.all('x', { signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
});

/** A look-up whose DNS server knows these names. `asked` lists the questions to that server. */
function looking(names: Record<string, string[] | Error>, own: string[] = OWN) {
  const asked: string[] = [];
  const resolver = new Resolver({
    servers: ['10.0.0.53'],
    search: [],
    now: () => 0,
    ask: async (_server, { name, type }) => {
      asked.push(`${type} ${name}`);
      const known = names[name] ?? [];
      if (known instanceof Error) throw known;
      const addresses = known.filter((address) => address.includes(':') === (type === 'AAAA'));
      const code = name in names ? ('NOERROR' as const) : ('NXDOMAIN' as const);
      return { code, isTruncated: false, addresses, alias: undefined, ttl: 60 };
    },
  });
  return { lookup: new NetworkLookup(resolver, own), asked };
}

function fail(): never {
  throw new Error('nobody is asked');
}
