import { describe, expect, test } from 'vitest';
import { candidateNames, readDnsConfig } from '../../src/dns/dns-config.ts';

describe('readDnsConfig', () => {
  test('separates servers from search domains, as wg-quick does', () => {
    const entries = ['10.0.0.1', ' corp.example ', 'fd00::53', '.lab.example.', ''];
    expect(readDnsConfig(entries)).toEqual({
      servers: ['10.0.0.1', 'fd00::53'],
      search: ['corp.example', 'lab.example'],
    });
  });
});

describe('candidateNames', () => {
  const search = ['a.example', 'b.example'];

  test('puts the longer names first if the name has no dot', () => {
    expect(candidateNames('db', search)).toEqual(['db.a.example', 'db.b.example', 'db']);
  });

  test('puts the longer names last if the name has a dot', () => {
    expect(candidateNames('db.x', search)).toEqual(['db.x', 'db.x.a.example', 'db.x.b.example']);
  });

  test('appends nothing to a name with a dot at its end', () => {
    expect(candidateNames('db.', search)).toEqual(['db']);
  });
});
