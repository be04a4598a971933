import { describe, expect, it } from 'vitest';
import { parseChanges } from '../../src/rollout/route-monitor.ts';

describe('parseChanges', () => {
  it('reads time, kind and text of each whole line', () => {
    const output = [
      '[2026-11-29T06:12:37.288706] [LINK]2: t0: <NOARP> mtu 1500 qdisc noop',
      '[2026-11-29T06:12:37.295047] [RULE]900:	from all lookup 51',
      'half a li',
    ].join('\n');
    const second = Date.UTC(2026, 10, 29, 6, 12, 37);
    expect(parseChanges(output)).toEqual([
      { at: second + 288.706, kind: 'LINK', text: '2: t0: <NOARP> mtu 1500 qdisc noop' },
      { at: second + 295.047, kind: 'RULE', text: '900:	from all lookup 51' },
    ]);
  });
});
