import { Endpoint } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { resolveEndpoint, retriesFromEnvironment } from '../../src/quick/resolve-endpoint.ts';

describe('resolveEndpoint', () => {
  test('returns the address that the resolver gives, with the port', async () => {
    const found = await resolveEndpoint(PEER, { lookup: async () => '192.0.2.7' });
    expect(found).toEqual(new Endpoint(Uint8Array.of(192, 0, 2, 7), 51820));
  });

  test('keeps the zone of a link-local address', async () => {
    const found = await resolveEndpoint(PEER, { lookup: async () => 'fe80::1%3' });
    expect(found.scopeId).toBe(3);
    const named = await resolveEndpoint(PEER, { lookup: async () => 'fe80::1%eth0' });
    expect(named).toMatchObject({ zone: 'eth0', scopeId: 0, port: 51820 });
  });

  test('returns an IPv4 endpoint for an IPv4-mapped address', async () => {
    const found = await resolveEndpoint(PEER, { lookup: async () => '::ffff:192.0.2.7' });
    expect(found).toEqual(new Endpoint(Uint8Array.of(192, 0, 2, 7), 51820));
  });

  test("rejects with the resolver's answer if that is not an address", async () => {
    const failed = resolveEndpoint(PEER, { lookup: async () => '192.0.2' });
    await expect(failed).rejects.toThrow('the resolver returned no address but "192.0.2"');
  });

  test('retries a temporary failure after growing pauses, and logs each retry', async () => {
    const waits: number[] = [];
    const lines: string[] = [];
    const answers = [temporary(), temporary(), temporary()];
    const found = await resolveEndpoint(PEER, {
      lookup: async () => {
        const failure = answers.pop();
        if (failure) throw failure;
        return '192.0.2.7';
      },
      sleep: async (ms) => void waits.push(Math.round(ms)),
      log: (line) => lines.push(line),
    });
    expect(found.port).toBe(51820);
    expect(waits).toEqual([1000, 1200, 1440]);
    expect(lines[0]).toContain('vpn.example.org: temporary failure of the resolver (EAI_AGAIN)');
  });

  test('accepts the text of an endpoint, and does not look up an address', async () => {
    const asked: string[] = [];
    const lookup = async (host: string): Promise<string> => {
      asked.push(host);
      return '2001:db8::7';
    };
    const named = await resolveEndpoint('vpn.example.org:51820', { lookup });
    expect([named.address.length, named.port]).toEqual([16, 51820]);
    const plain = await resolveEndpoint('192.0.2.7:7', { lookup });
    expect([...plain.address, plain.port]).toEqual([192, 0, 2, 7, 7]);
    expect(asked).toEqual(['vpn.example.org']);
    await expect(resolveEndpoint('vpn.example.org', { lookup })).rejects.toMatchObject({
      code: 'ERR_LITZ_INVALID_ENDPOINT',
    });
  });

  test('waits at most 20 s between retries, and gives up in the end', async () => {
    const waits: number[] = [];
    const failed = resolveEndpoint(PEER, {
      retries: 20,
      lookup: () => Promise.reject(temporary()),
      sleep: async (ms) => void waits.push(ms),
    });
    await expect(failed).rejects.toMatchObject({ code: 'ERR_LITZ_INVALID_ENDPOINT' });
    expect(waits).toHaveLength(20);
    expect(Math.max(...waits)).toBe(20_000);
  });

  test('does not wait for a look-up after it is aborted', async () => {
    const controller = new AbortController();
    const failed = resolveEndpoint(PEER, {
      lookup: () => new Promise(() => {}),
      signal: controller.signal,
    });
    controller.abort(new Error('enough'));
    await expect(failed).rejects.toThrow('enough');
  });

  test('stops waiting for the next retry when it is aborted, and rejects with the reason', async () => {
    const controller = new AbortController();
    const failed = resolveEndpoint(PEER, {
      lookup: () => Promise.reject(temporary()),
      log: () => queueMicrotask(() => controller.abort(new Error('enough'))),
      signal: controller.signal,
    });
    await expect(failed).rejects.toThrow('enough');
  });
});

describe('retriesFromEnvironment', () => {
  test.each<[string | undefined, number]>([
    [undefined, 15],
    ['', 15],
    ['0', 0],
    ['7', 7],
    ['infinity', Infinity],
  ])('reads %j as %d', (text, retries) => {
    expect(retriesFromEnvironment({ WG_ENDPOINT_RESOLUTION_RETRIES: text })).toBe(retries);
  });

  test('refuses any other text', () => {
    expect(() => retriesFromEnvironment({ WG_ENDPOINT_RESOLUTION_RETRIES: '-1' })).toThrow(
      'WG_ENDPOINT_RESOLUTION_RETRIES: "-1" expected a number or "infinity"',
    );
  });
});

function temporary(): Error {
  return Object.assign(new Error('EAI_AGAIN'), { code: 'EAI_AGAIN' });
}

const PEER = { host: 'vpn.example.org', port: 51820 };
