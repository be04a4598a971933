import { parseEndpoint, type Endpoint } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { keyToHex } from '../../src/text/hex-key.ts';
import {
  formatChangedPeer,
  formatCursor,
  parsePeerChanges,
  RESYNC_LINE,
  type ChangedPeer,
} from '../../src/uapi/peer-changes.ts';
import { publicKey } from '../keys.ts';

const PEER: ChangedPeer = {
  publicKey: publicKey(2),
  isRemoved: false,
  endpoint: parseEndpoint('[2001:db8::1]:51871') as Endpoint,
  lastHandshakeUnixMs: 1_700_000_000_123,
  sessionStaticKeys: { own: publicKey(3), peer: publicKey(4) },
};
const KEY_LINE = `public_key=${keyToHex(publicKey(2))}\n`;

describe('parsePeerChanges', () => {
  it('reads what the format functions return', () => {
    const gone: ChangedPeer = { ...PEER, isRemoved: true };
    const text = RESYNC_LINE + formatChangedPeer(PEER) + formatChangedPeer(gone) + formatCursor(7);
    const report = parsePeerChanges(text.slice(0, -2));
    expect(report).toEqual({
      isResync: true,
      cursor: 7,
      peers: [
        PEER,
        { publicKey: PEER.publicKey, isRemoved: true, endpoint: undefined, lastHandshakeUnixMs: 0 },
      ],
    });
  });

  it('reads a report without peers', () => {
    expect(parsePeerChanges('litz_cursor=3')).toEqual({ isResync: false, peers: [], cursor: 3 });
  });

  it('ignores unknown keys', () => {
    const text = `litz_newer=1\n${KEY_LINE}litz_newest=2\nlitz_cursor=3`;
    expect(parsePeerChanges(text).peers).toHaveLength(1);
  });

  it.each([
    ['errno=-16', 'the device does not report changes of peers: errno -16 (EBUSY)'],
    ['errno=-7', 'the device does not report changes of peers: errno -7'],
    ['errno=x', 'report, line 1: "errno": expected a number, got "x"'],
    ['', 'report, line 1: expected KEY=VALUE'],
    ['hello', 'report, line 1: expected KEY=VALUE'],
    ['public_key=12', 'report, line 1: "public_key": expected 64 hexadecimal digits'],
    [`${KEY_LINE}endpoint=host:1`, 'report, line 2: "endpoint": expected IP:PORT'],
    [`${KEY_LINE}last_handshake_time_sec=-1`, 'expected a number, got "-1"'],
    [KEY_LINE.trim(), 'a report of changed peers has no litz_cursor'],
  ])('refuses %j', (text, reason) => {
    expect(() => parsePeerChanges(text)).toThrow(reason);
  });
});
