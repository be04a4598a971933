import { describe, expect, test } from 'vitest';
import { ProxyCounts } from '../../src/proxy/proxy-counts.ts';
import { proxyMetrics } from '../../src/proxy/proxy-metrics.ts';

describe('proxyMetrics', () => {
  test('has the counters of each service, and the peers', async () => {
    const counts = new ProxyCounts();
    Object.assign(counts.of('socks5'), { open: 2, opened: 5, bytesForth: 10, bytesBack: 20 });
    counts.of('http').refuse('wrong-password');
    counts.of('forward').fail({ code: 'ETIMEDOUT' });
    const peer = {
      publicKey: 'KEY=',
      endpoint: '192.0.2.1:1',
      lastHandshakeAt: 5000,
      bytesReceived: 7,
      bytesSent: 8,
    };
    const { type, text } = await proxyMetrics(counts, [peer]);
    expect(type).toContain('text/plain');
    for (const line of [
      'litz_proxy_connections{service="socks5"} 2',
      'litz_proxy_connections_total{service="socks5"} 5',
      'litz_proxy_connections_total{service="stdio"} 0',
      'litz_proxy_bytes_total{service="socks5",direction="forth"} 10',
      'litz_proxy_bytes_total{service="socks5",direction="back"} 20',
      'litz_proxy_refused_total{service="http",reason="wrong-password"} 1',
      'litz_proxy_failed_total{service="forward",code="ETIMEDOUT"} 1',
      'wireguard_bytes_rcvd{peer_key="KEY=",peer_endpoint="192.0.2.1:1"} 7',
      'wireguard_latest_handshake_seconds{peer_key="KEY=",peer_endpoint="192.0.2.1:1"} 5',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });

  test('has no series per peer if there are more than 200 peers', async () => {
    const one = { endpoint: '', lastHandshakeAt: 0, bytesReceived: 0, bytesSent: 0 };
    const peers = Array.from({ length: 201 }, (_, i) => ({ ...one, publicKey: `${i}` }));
    const { text } = await proxyMetrics(new ProxyCounts(), peers);
    expect(text).toMatch(/^litz_proxy_peers 201$/m);
    expect(text).not.toContain('wireguard_');
  });

  test('has no series for refusals, failures and peers if there are none', async () => {
    const { text } = await proxyMetrics(new ProxyCounts(), []);
    expect(text).not.toMatch(
      /^(litz_proxy_refused_total|litz_proxy_failed_total|wireguard_)\S* \d/m,
    );
  });
});
