/**
 * Tests the texts of membership events.
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
    [{ kind: 'returned', node: 'n1' }, 'the record of node n1 is in the registry again'],
    [{ kind: 'expired', node: 'n1' }, 'the peer stays while its sessions are renewed'],
    [{ kind: 'left', node: 'n1', why: 'deleted' }, 'its record was removed'],
    [{ kind: 'left', node: 'n1', why: 'silent' }, 'its sessions have ended'],
    [
      { kind: 'left', node: 'n1', why: 'replaced', by: 'n2' },
      'node n2 now has its key, address or prefix',
    ],
    [{ kind: 'left', node: 'n1', why: 'refused' }, 'its record clashes with this node'],
    [
      { kind: 'refused', node: 'n1', field: 'prefixes[0]', reason: 'is taken', keepsPeer: true },
      'record of node n1 is refused: prefixes[0]: is taken; the peer stays as it was',
    ],
    [
      { kind: 'refused', node: 'n1', field: 'port', reason: 'is bad', keepsPeer: false },
      'record of node n1 is refused: port: is bad',
    ],
    [{ kind: 'dropped', node: 'n1' }, 'the refused record of node n1 is no longer in the registry'],
    [
      { kind: 'stale', node: 'n1', seen: 4, got: 3 },
      'generation 3, but generation 4 was already seen',
    ],
    [{ kind: 'own-name', node: 'n0' }, 'has the key of another machine'],
  ])('describes %j', (event, text) => {
    expect(describeMembershipEvent(event)).toContain(text);
  });
});
