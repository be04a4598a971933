/**
 * Events as lines.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import {
  describeMembershipEvent,
  type MembershipEvent,
} from '../../src/membership/membership-event.ts';

describe('describeMembershipEvent', () => {
  test.each<[MembershipEvent, string]>([
    [{ kind: 'joined', node: 'n1' }, 'node n1 has joined'],
    [{ kind: 'changed', node: 'n1' }, 'node n1 has changed'],
    [{ kind: 'returned', node: 'n1' }, 'the record of node n1 is back'],
    [{ kind: 'expired', node: 'n1' }, 'the peer stays while its sessions renew'],
    [{ kind: 'left', node: 'n1', why: 'deleted' }, 'somebody removed its record'],
    [{ kind: 'left', node: 'n1', why: 'silent' }, 'its sessions have ended'],
    [{ kind: 'left', node: 'n1', why: 'replaced', by: 'n2' }, 'node n2 has what it held'],
    [{ kind: 'left', node: 'n1', why: 'refused' }, 'it clashes with what this node has now'],
    [
      { kind: 'refused', node: 'n1', field: 'prefixes[0]', reason: 'is taken', keepsPeer: true },
      'record of node n1 is refused: prefixes[0]: is taken; the peer stays as it was',
    ],
    [
      { kind: 'refused', node: 'n1', field: 'port', reason: 'is bad', keepsPeer: false },
      'record of node n1 is refused: port: is bad',
    ],
    [
      { kind: 'dropped', node: 'n1' },
      'what was refused of node n1 is not in the registry any more',
    ],
    [{ kind: 'stale', node: 'n1', seen: 4, got: 3 }, 'generation 3, seen was 4'],
    [{ kind: 'own-name', node: 'n0' }, 'has the key of another machine'],
  ])('says of %j', (event, text) => {
    expect(describeMembershipEvent(event)).toContain(text);
  });
});
