import { beforeAll, describe, expect, it } from 'vitest';
import type { LiveStatus } from '../../src/live/live-status.ts';
import { TopModel } from '../../src/top/top-model.ts';
import { drawTable, drawTop } from '../../src/top/top-screen.ts';
import { examplePeer, exampleSource, exampleStatus } from '../live/examples.ts';

let status: LiveStatus;

beforeAll(async () => {
  const before = [1, 2, 3].map((number) => examplePeer(number));
  const after = before.map((peer, index) => ({
    ...peer,
    receivedBytes: 125_000 * index,
    receivedMessages: 100 * index,
    roundTripMs: 12.3,
    drops: { 'invalid-tag': index } as const,
  }));
  status = await exampleStatus(before, after, {
    details: {
      provider: 'wasm',
      providerReason: '',
      offloads: [],
      threads: 1,
      priority: 'normal',
      drops: { 'bad-mac1': 2, 'invalid-tag': 3 },
    },
  });
});

describe('drawTop', () => {
  it('shows the sums, the drops, and a row for each peer', () => {
    const lines = draw(modelOf(status), 120, 12);
    expect(lines.map((line) => line.trimEnd())).toEqual([
      expect.stringMatching(/^3 peers, 3 connected {2}\d\d:\d\d:\d\d {2}wg0$/),
      'in 3.0Mb/s 300p/s  out 0b/s 0p/s  handshakes 0  drops 0/s',
      'dropped: invalid-tag 3, bad-mac1 2',
      '',
      ' PEER       ALLOWED IPS        ENDPOINT              STATE      HANDSHK     RTT *IN b/s  OUT b/s  IN p/s  OUT p/s  DROPS',
      '>AAMD…DAwM  10.0.0.3/32        192.0.2.3:51820       connected      11s  12.3ms    2.0M        0     200        0      2',
      ' AAIC…CAgI  10.0.0.2/32        192.0.2.2:51820       connected      11s  12.3ms    1.0M        0     100        0      1',
      ' AAEB…BAQE  10.0.0.1/32        192.0.2.1:51820       connected      11s  12.3ms       0        0       0        0      0',
      '',
      '',
      '',
      'q quit  ? help  arrows pick  Enter details  s sort: received  r reverse  / find  p pause',
    ]);
  });

  it('shows the details of the selected peer', () => {
    const model = modelOf(status);
    model.press('return');
    const text = draw(model, 100, 30).join('\n');
    expect(text).toContain(`peer        ${status.peers[2]?.publicKey} on wg0`);
    expect(text).toMatch(/^handshake {3}11s ago, round trip 12\.3ms *$/m);
    expect(text).toMatch(/^received {4}244 KiB, 2\.0Mb\/s, 200 packets *$/m);
    expect(text).toMatch(/^dropped {5}2 invalid-tag: /m);
  });

  it('fits into every size, and shows the selected peer', () => {
    const model = modelOf(status);
    for (const isOpen of [false, true]) {
      model.isOpen = isOpen;
      for (let width = 12; width < 130; width += 7) {
        for (let height = 2; height < 30; height++) {
          const lines = draw(model, width, height);
          expect(lines.length).toBe(height);
          expect(Math.max(...lines.map((line) => Array.from(line).length))).toBeLessThanOrEqual(
            width,
          );
          expect(lines.some((line) => line.startsWith('>'))).toBe(true);
        }
      }
    }
  });

  it('uses only ASCII if the terminal shows nothing else', () => {
    const model = modelOf(status);
    model.take({ ...status, time: status.time + 1000 });
    model.press('return');
    const size = { width: 90, height: 30, colors: false };
    expect(drawTop(model, { ...size, isUnicode: false }).join('')).toMatch(/^[\x20-\x7e]+$/);
    expect(drawTop(model, { ...size, isUnicode: true }).join('')).toMatch(/█/);
  });

  it('shows colours only if they are allowed', () => {
    const size = { width: 90, height: 30, isUnicode: true };
    expect(drawTop(modelOf(status), { ...size, colors: true }).join('')).toContain('\x1b[32m');
    expect(drawTop(modelOf(status), { ...size, colors: false }).join('')).not.toContain('\x1b');
  });

  it('shows the interval between readings if it is long', () => {
    const shown = draw(modelOf({ ...status, intervalMs: 15_200 }), 80, 20)[0];
    expect(shown).toMatch(/\d\d:\d\d {2}every 15s {2}wg0$/);
  });

  it('says why there are no rows', async () => {
    const model = modelOf(status);
    for (const key of ['/', 'x', 'return']) model.press(key);
    expect(draw(model, 80, 20).join('\n')).toContain(' no peer has "x"; Esc shows all');
    const { source } = exampleSource(['wg1'], new Map());
    const silent = draw(modelOf(await source.read()), 80, 20).join('\n');
    expect(silent).toMatch(/^wg1: wg1: there is no such socket/m);
    expect(silent).toMatch(/^ no peer yet/m);
  });

  it('shows the help', () => {
    const model = modelOf(status);
    model.press('?');
    expect(draw(model, 100, 40).join('\n')).toContain('Ctrl-Z ');
    expect(draw(model, 10, 3)).toEqual(['litz top', '', 'up, down, ']);
  });

  it('draws 10,000 peers in less than a second', async () => {
    const peers = Array.from({ length: 10_000 }, (_, index) => examplePeer(index));
    const model = modelOf(await exampleStatus(peers, peers));
    const start = performance.now();
    model.press('s');
    expect(draw(model, 120, 50).length).toBe(50);
    // The limit is for a busy machine. Drawing usually takes about a twentieth of this time.
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('drawTable', () => {
  it('returns an uncut table if the width is Infinity', () => {
    const lines = drawTable(modelOf(status), { width: Infinity, colors: false, isUnicode: true });
    expect(lines.length).toBe(7);
    expect(lines[3]).toMatch(/^PEER +ALLOWED IPS/);
    expect(lines[4]).toContain(status.peers[2]?.publicKey);
  });

  it('cuts the table to the width of a terminal', () => {
    const lines = drawTable(modelOf(status), { width: 40, colors: false, isUnicode: true });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
  });
});

function modelOf(shown: LiveStatus): TopModel {
  const model = new TopModel();
  model.take(shown);
  return model;
}

function draw(model: TopModel, width: number, height: number): string[] {
  return drawTop(model, { width, height, colors: false, isUnicode: true });
}
