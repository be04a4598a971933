import { decode, encode, type Packet } from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { decodeAnswer, encodeQuery } from '../../src/dns/dns-message.ts';

const QUESTION = { id: 7, name: 'www.example', type: 'A' } as const;

describe('encodeQuery', () => {
  test('asks one question, with recursion', () => {
    const query = decode(Buffer.from(encodeQuery(QUESTION, true)));
    expect(query).toMatchObject({ id: 7, type: 'query', flag_rd: true });
    expect(query.questions).toEqual([{ name: 'www.example', type: 'A', class: 'IN' }]);
    expect(query.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }]);
  });

  test('can leave the EDNS options out', () => {
    const query = decode(Buffer.from(encodeQuery(QUESTION, false)));
    expect(query.additionals).toEqual([]);
  });

  test.each(['', 'a..b', `${'x'.repeat(64)}.example`, 'abcd.'.repeat(60)])('refuses %j', (name) => {
    expect(() => encodeQuery({ ...QUESTION, name }, true)).toThrow('not a valid DNS name');
  });
});

describe('decodeAnswer', () => {
  test('returns addresses, and how long they are valid', () => {
    const answer = answerOf({
      answers: [a('WWW.example', '192.0.2.1', 60), a('www.example', '192.0.2.2', 30)],
    });
    expect(answer).toEqual({
      code: 'NOERROR',
      isTruncated: false,
      addresses: ['192.0.2.1', '192.0.2.2'],
      alias: undefined,
      ttl: 30,
    });
  });

  test('follows aliases, and takes no address of another name', () => {
    const answers = [
      { type: 'CNAME', name: 'www.example', data: 'web.example', ttl: 10 } as const,
      { type: 'CNAME', name: 'web.example', data: 'host.example', ttl: 20 } as const,
      a('host.example', '192.0.2.1', 60),
      a('evil.example', '192.0.2.66', 60),
    ];
    expect(answerOf({ answers })).toMatchObject({ addresses: ['192.0.2.1'], ttl: 10 });
    expect(answerOf({ answers: answers.slice(0, 2) })).toMatchObject({
      addresses: [],
      alias: 'host.example',
    });
  });

  test('takes only 64 addresses from a server that sends thousands', () => {
    const answers = Array.from({ length: 3000 }, (_, i) =>
      a('www.example', `192.0.${i >> 8}.${i & 255}`, 60),
    );
    expect(answerOf({ answers })?.addresses).toHaveLength(64);
  });

  test('ends when aliases form a circle', () => {
    const answers = [
      { type: 'CNAME', name: 'www.example', data: 'b.example', ttl: 10 } as const,
      { type: 'CNAME', name: 'b.example', data: 'www.example', ttl: 10 } as const,
    ];
    expect(answerOf({ answers })?.addresses).toEqual([]);
  });

  test('returns the code, and how long an answer without addresses is valid', () => {
    const soa = { mname: 'a', rname: 'b', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 20 };
    const authorities = [{ type: 'SOA', name: 'example', ttl: 3600, data: soa } as const];
    expect(answerOf({ flags: 3, authorities })).toMatchObject({ code: 'NXDOMAIN', ttl: 20 });
    expect(answerOf({ flags: 3 })).toMatchObject({ code: 'NXDOMAIN', ttl: 0 });
    expect(answerOf({ flags: 2 })?.code).toBe('SERVFAIL');
    expect(answerOf({ flags: 5 })?.code).toBe('SERVFAIL');
    expect(answerOf({ flags: 1, questions: [] })?.code).toBe('FORMERR');
  });

  test('says that an answer was truncated', () => {
    expect(answerOf({ flags: 0x0200 })?.isTruncated).toBe(true);
  });

  test('ignores messages that are no answer to the question', () => {
    expect(answerOf({ id: 8 })).toBeUndefined();
    expect(answerOf({ type: 'query' })).toBeUndefined();
    expect(answerOf({ questions: [] })).toBeUndefined();
    expect(answerOf({ questions: [{ type: 'AAAA', name: 'www.example' }] })).toBeUndefined();
    expect(answerOf({ questions: [{ type: 'A', name: 'evil.example' }] })).toBeUndefined();
  });

  test('never throws if bytes are missing or wrong', () => {
    const good = encode({ ...BASE, answers: [a('www.example', '192.0.2.1', 60)] });
    for (let i = 0; i < good.length; i++) {
      expect(() => decodeAnswer(good.subarray(0, i), QUESTION)).not.toThrow();
      for (const value of [0, 0xc0, 0xff]) {
        const bad = Uint8Array.from(good);
        bad[i] = value;
        expect(() => decodeAnswer(bad, QUESTION)).not.toThrow();
      }
    }
  });
});

const BASE: Packet = {
  id: 7,
  type: 'response',
  questions: [{ type: 'A', name: 'www.example', class: 'IN' }],
};

function answerOf(packet: Packet) {
  return decodeAnswer(encode({ ...BASE, ...packet }), QUESTION);
}

function a(name: string, data: string, ttl: number) {
  return { type: 'A', name, data, ttl } as const;
}
