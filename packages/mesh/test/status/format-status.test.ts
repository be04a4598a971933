/**
 * Tests the status as a terminal shows it.
 *
 * @module
 */
import { describe, expect, test } from 'vitest';
import { formatStatus } from '../../src/status/format-status.ts';
import { exampleStatus } from '../page/example-status.ts';

describe('formatStatus', () => {
  test.each([
    ['enabled', 'Enabled'],
    ['opted-out', 'OptedOut'],
    ['disabled', 'Disabled'],
  ] as const)('uses the words of `cilium status` for node encryption: %s', (state, word) => {
    const status = exampleStatus({ count: 6 });
    const text = formatStatus({ ...status, node: { ...status.node, nodeEncryption: state } });
    const accepted = status.peers.filter((peer) => peer.state !== 'refused').length;
    const tunnel = `litz0 (Pubkey: ${status.node.keys[0].publicKey}, Port: 51871, Peers: ${accepted})`;
    expect(text.split('\n')[0]).toBe(
      `Encryption:   Wireguard [NodeEncryption: ${word}, ${tunnel}]`,
    );
  });

  test('prints the exceptions that keep the registry reachable', () => {
    const status = exampleStatus({ count: 1 });
    const exceptions = ['IPv4 priority 899: to 192.0.2.9/32 ipproto tcp dport 6443 lookup main'];
    const text = formatStatus({ ...status, node: { ...status.node, exceptions } });
    expect(text).toContain(`Exception:    ${exceptions[0]} goes without the tunnel\n`);
  });

  test('names the peers that send plaintext, and the peers for which `enforce` waits', () => {
    const status = exampleStatus({ count: 2 });
    const [first, second] = status.peers;
    const node = { ...status.node, wantedEnforcement: 'enforce' } as const;
    const off = { ...first, name: 'b', sendsPlaintext: true };
    const text = formatStatus({ ...status, node, peers: [off] });
    expect(text).toContain('Plaintext:    from b: enforcement is off there\n');
    expect(text).toContain(
      'permissive (enforce is wanted, and waits until enforcement is on at: b)\n',
    );
    const silent = { ...second, name: 'c', state: 'waiting' } as const;
    expect(formatStatus({ ...status, node, peers: [off, silent] })).toContain(
      '(enforce is wanted, and waits for an answer from: c; waits until enforcement is on at: b)\n',
    );
    expect(formatStatus({ ...status, node, peers: [silent] })).toContain(
      '(enforce is wanted, and waits for an answer from: c)\n',
    );
    expect(formatStatus(status)).not.toContain('Plaintext:');
  });

  test('prints that encryption is disabled while the mesh is off', () => {
    const status = exampleStatus({ count: 1 });
    const text = formatStatus({ ...status, node: { ...status.node, wantedEnforcement: 'off' } });
    expect(text).toMatch(/^Encryption: {3}Disabled \[litz0 \(Pubkey: /);
  });

  test('shows endpoint, ages, bytes and prefixes of a peer, and explains the two ages', () => {
    const status = exampleStatus({ count: 1 });
    const [peer] = status.peers;
    const [key] = peer.keys;
    const only = {
      ...peer,
      state: 'connected' as const,
      lastHandshakeAt: status.time - 61_000,
      bytesReceived: 5 * 1024 ** 2,
      bytesSent: 12,
      keys: [{ ...key, createdAt: status.time - 3 * 86_400_000, generation: 7 }],
    };
    const rows = formatStatus({ ...status, peers: [only] }).split('\n');
    const header = rows.findIndex((row) => row.startsWith('PEER'));
    expect(cells(rows[header])).toEqual(HEADER);
    expect(cells(rows[header + 1])).toEqual([
      only.name,
      only.endpoint,
      '61s',
      '3d',
      '7',
      '5.0 MiB',
      '12 B',
      only.prefixes.join(', '),
    ]);
    expect(rows.join('\n')).toMatch(
      /SESSION AGE is .* every two minutes[^]*KEY AGE is .* node key/,
    );
  });

  test('has a line for each peer, and one for each problem', () => {
    const text = formatStatus(exampleStatus({ count: 3, troubles: ['registry: it is gone'] }));
    expect(text.split('\n').filter((line) => line.startsWith('node-'))).toHaveLength(3);
    expect(text).toContain('Trouble:      registry: it is gone\n');
    expect(text.endsWith('\n')).toBe(true);
  });

  test('prints no control characters of a name or a problem', () => {
    const names = ['\u001b[2Jn', 'two\nlines', '\u202efdp.n'];
    const troubles = ['nft: \u001b[31mboom\nError'];
    const text = formatStatus(exampleStatus({ count: 3, names, troubles }));
    // oxlint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[^\n\P{C}]/u);
    expect(text).toContain('\\u{1b}[2Jn');
    expect(text).toContain('two\\u{a}lines');
  });
});

function cells(row: string): string[] {
  return row.split(/ {2,}/);
}

const HEADER = [
  'PEER',
  'ENDPOINT',
  'SESSION AGE',
  'KEY AGE',
  'GENERATION',
  'RECEIVED',
  'SENT',
  'PREFIXES',
];
