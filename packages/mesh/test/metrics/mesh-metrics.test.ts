import { describe, expect, it } from 'vitest';
import { meshMetrics, MOST_PEER_SERIES } from '../../src/metrics/mesh-metrics.ts';
import { exampleStatus } from '../page/example-status.ts';

describe('meshMetrics', () => {
  it("has Calico's names and labels for each peer", async () => {
    const status = exampleStatus({ count: 2 });
    const { text, type } = await meshMetrics(status);
    expect(type).toMatch(/^text\/plain; version=0\.0\.4/);
    const [own] = status.node.keys;
    const peer = status.peers.find(({ state }) => state !== 'refused')!;
    expect(text).toContain(
      `wireguard_meta{hostname="node-0",public_key="${own.publicKey}",iface="litz0",listen_port="51871"} 1`,
    );
    for (const [name, value] of [
      ['wireguard_bytes_rcvd', peer.bytesReceived],
      ['wireguard_bytes_sent', peer.bytesSent],
      ['wireguard_latest_handshake_seconds', (peer.lastHandshakeAt ?? 0) / 1000],
    ]) {
      expect(text).toContain(
        `${name}{hostname="node-0",public_key="${own.publicKey}",peer="${peer.name}",` +
          `peer_key="${peer.keys[0].publicKey}",peer_endpoint="${peer.endpoint}"} ${value}`,
      );
    }
  });

  it('has a series for each of up to 200 peers, and only sums if there are more peers', async () => {
    const few = await meshMetrics(accepted(MOST_PEER_SERIES));
    expect(few.text.match(/^wireguard_bytes_sent\{/gm)).toHaveLength(MOST_PEER_SERIES);
    const many = await meshMetrics(accepted(MOST_PEER_SERIES + 1));
    expect(many.text).not.toContain('wireguard_bytes_sent');
    expect(many.text).toContain(`litz_mesh_peers{state="connected"} ${MOST_PEER_SERIES + 1}`);
  });

  it('has no series of peers if there are no peers', async () => {
    const { text } = await meshMetrics({ ...exampleStatus({ count: 1 }), peers: [] });
    expect(text).not.toContain('wireguard_bytes_sent');
    expect(text).toMatch(/^litz_mesh_peers\{state="connected"\} 0$/m);
  });

  it('adds up the bytes of all peers', async () => {
    const status = exampleStatus({ count: 5 });
    const sum = status.peers.reduce((total, { bytesSent }) => total + bytesSent, 0);
    const { text } = await meshMetrics(status);
    expect(text).toMatch(new RegExp(`^litz_mesh_bytes_sent ${sum}$`, 'm'));
  });

  it('counts the peers that send plaintext', async () => {
    const status = exampleStatus({ count: 3 });
    const peers = status.peers.map((peer, i) => ({ ...peer, sendsPlaintext: i < 2 }));
    const { text } = await meshMetrics({ ...status, peers });
    expect(text).toMatch(/^litz_mesh_plaintext_peers 2$/m);
  });

  it('shows a registry that was never read and a daemon that is gone', async () => {
    const status = exampleStatus({ count: 1 });
    const { text } = await meshMetrics({
      ...status,
      registry: { ...status.registry, syncedAt: undefined },
      interface: { ...status.interface, isUp: false },
    });
    expect(text).toMatch(/^litz_mesh_registry_up 0$/m);
    expect(text).toMatch(/^litz_mesh_daemon_up 0$/m);
  });
});

function accepted(count: number): ReturnType<typeof exampleStatus> {
  const status = exampleStatus({ count });
  return { ...status, peers: status.peers.map((peer) => ({ ...peer, state: 'connected' })) };
}
