import { describe, expect, it } from 'vitest';
import { LiveHistory } from '../../src/live/live-history.ts';
import { detailLines } from '../../src/top/top-details.ts';
import { examplePeer, exampleStatus } from '../live/examples.ts';

describe('detailLines', () => {
  it('says why there is no session, and that there never was a handshake', async () => {
    const silent = examplePeer(1, { lastHandshakeUnixMs: 0, unansweredInitiations: 4 });
    const status = await exampleStatus([silent], [silent]);
    const screen = { time: status.time, width: 80, isUnicode: true };
    const lines = detailLines(status.peers[0], new LiveHistory(), screen);
    expect(lines[1]).toEqual([
      ['soft', 'state       '],
      ['bad', expect.stringMatching(/^failing: 4 initiations without an answer: /) as string],
    ]);
    expect(lines[4]?.[1]).toEqual(['plain', 'never']);
  });

  it('has the host name of an endpoint below the endpoint', async () => {
    const peer = examplePeer(1, { endpointName: 'vpn.example.org:51820' });
    const status = await exampleStatus([peer], [peer]);
    const screen = { time: status.time, width: 80, isUnicode: true };
    const lines = detailLines(status.peers[0], new LiveHistory(), screen);
    expect(lines.slice(2, 4)).toEqual([
      [
        ['soft', 'endpoint    '],
        ['plain', '192.0.2.1:51820'],
      ],
      [
        ['soft', 'host name   '],
        ['plain', 'vpn.example.org:51820'],
      ],
    ]);
  });

  it('draws the throughput of the last minutes', async () => {
    const history = new LiveHistory();
    const peer = examplePeer(1);
    const status = await exampleStatus([peer], [{ ...peer, sentBytes: 1000 }]);
    history.add(status);
    history.add({ ...status, time: status.time + 1000 });
    const screen = { time: status.time, width: 80, isUnicode: false };
    const lines = detailLines(status.peers[0], history, screen);
    expect(lines[7]?.[1]?.[1]).toBe('## most 8.0kb/s');
  });
});
