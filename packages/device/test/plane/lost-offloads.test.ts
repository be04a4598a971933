import { expect, it } from 'vitest';
import { LostOffloads, type OffloadEvent } from '../../src/plane/lost-offloads.ts';

it('reports each lost offload once, with the first reason', () => {
  const lost = new LostOffloads();
  const reported: OffloadEvent[] = [];
  expect(lost.areUnreported).toBe(false);
  lost.add('udpGso', 'EIO');
  lost.add('udpGso', 'EINVAL');
  expect(lost.areUnreported).toBe(true);
  lost.report((event) => reported.push(event));
  lost.report((event) => reported.push(event));
  expect(reported).toEqual([{ type: 'offload', name: 'udpGso', reason: 'EIO' }]);
  expect(lost.areUnreported).toBe(false);
  expect(lost.names).toEqual(['udpGso']);
});

it('does not report what another process has reported', () => {
  const lost = new LostOffloads();
  lost.restore(['tunTcp']);
  lost.add('tunTcp', 'again');
  expect(lost.areUnreported).toBe(false);
  expect(lost.names).toEqual(['tunTcp']);
});
