/**
 * Tests of the conversion between a record and a peer.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { peerOf, recordOfPeer } from '../../src/membership/peer-of-record.ts';
import { recordOf } from '../records.ts';
import { contextOf } from './contexts.ts';

const record = recordOf(1, {
  addresses: ['2001:db8::1', '192.0.2.1'],
  encryptsNode: true,
  sendsPlaintext: true,
});

describe('peerOf', () => {
  test('takes the first address of a family that this node has', () => {
    expect(String(peerOf(record, contextOf()).endpoint)).toBe('[2001:db8::1]:51871');
    const withoutIpv6 = contextOf({ ownAddresses: ['192.0.2.100'] });
    expect(String(peerOf(record, withoutIpv6).endpoint)).toBe('192.0.2.1:51871');
  });
});

describe('recordOfPeer', () => {
  test('returns the record that the peer was made from', () => {
    expect(recordOfPeer(peerOf(record, contextOf()))).toEqual(record);
  });
});
