import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { describeWith, programRequirement } from '@litz/testkit';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { removeSockets, TwoHosts, uniqueName } from '../host.ts';
import { keyPair } from '../key-pair.ts';
import { realInterfaces, type LitzProcess } from '../litz-process.ts';

const NAME = uniqueName('m');
const OTHER = uniqueName('n');
const ALICE = keyPair();
const BOB = keyPair();

let hosts: TwoHosts;
let daemon: LitzProcess;
let socket: string;

describeWith([...realInterfaces, programRequirement('curl')], 'the metrics of a daemon', () => {
  beforeAll(async () => {
    hosts = new TwoHosts();
    const { left, right } = hosts;
    socket = join(left.folder, 'metrics');
    daemon = left.litz(['-f', NAME, '--metrics', `unix:${socket}`], {
      env: { LOG_LEVEL: 'verbose' },
      // Litz starts a daemon in the background with this option, so this daemon gets it too.
      nodeOptions: ['--max-semi-space-size=1'],
    });
    await daemon.says(/serves \/metrics on unix:/);
    const file = right.write(`${OTHER}.conf`, [
      '[Interface]',
      `PrivateKey = ${BOB.privateKey}`,
      'Address = 10.7.0.2/24',
      'ListenPort = 7002',
      '[Peer]',
      `PublicKey = ${ALICE.publicKey}`,
      'AllowedIPs = 10.7.0.1/32',
    ]);
    await right.run('ip', ['link', 'set', 'lo', 'up']);
    const other = right.litz(['up', '--metrics', '9586', file]);
    await other.says(/up, listens/);
    const key = left.write('key', [ALICE.privateKey]);
    const peer = ['peer', BOB.publicKey, 'endpoint', '10.9.0.2:7002', 'allowed-ips', '10.7.0.2/32'];
    await left.run('wg', ['set', NAME, 'private-key', key, ...peer]);
    await left.run('ip', ['address', 'add', '10.7.0.1/24', 'dev', NAME]);
    await left.run('ip', ['link', 'set', NAME, 'up']);
    await left.ping('10.7.0.2/32');
  });
  afterAll(async () => {
    await hosts.close();
    removeSockets();
  });

  it('have the names of prometheus_wireguard_exporter and of Calico', async () => {
    const text = await scrape();
    const labels = `interface="${NAME}",public_key="${BOB.publicKey}",allowed_ips="10.7.0.2/32"`;
    expect(valueOf(text, `wireguard_sent_bytes_total{${labels}}`)).toBeGreaterThan(0);
    expect(valueOf(text, `wireguard_received_bytes_total{${labels}}`)).toBeGreaterThan(0);
    const calico = `peer_key="${BOB.publicKey}",peer_endpoint="10.9.0.2:7002"`;
    const handshake = `wireguard_latest_handshake_seconds{${labels},${calico}}`;
    expect(Math.abs(valueOf(text, handshake) - Date.now() / 1000)).toBeLessThan(60);
    expect(text).toMatch(
      new RegExp(
        `^wireguard_bytes_sent\\{hostname="[^"]+",public_key="${escaped(ALICE.publicKey)}",iface="${NAME}",${escaped(calico)}\\} [1-9]`,
        'm',
      ),
    );
  });

  it('have batches, loop time, offloads, drops and failed handshakes', async () => {
    const text = await scrape();
    const own = `interface="${NAME}"`;
    expect(valueOf(text, `litz_handshakes_total{${own}}`)).toBe(1);
    expect(valueOf(text, `litz_handshake_failures_total{${own},reason="no-answer"}`)).toBe(0);
    expect(valueOf(text, `litz_drops_total{${own},reason="bad-mac1"}`)).toBe(0);
    expect(valueOf(text, `litz_offload_active{${own},offload="udpGso"}`)).toBe(1);
    expect(valueOf(text, `litz_loop_busy_seconds_total{${own}}`)).toBeGreaterThan(0);
    const sent = `${own},direction="sent"`;
    expect(valueOf(text, `litz_batch_packets_sum{${sent}}`)).toBeGreaterThanOrEqual(3);
    const all = valueOf(text, `litz_batch_packets_bucket{le="+Inf",${sent}}`);
    expect(valueOf(text, `litz_batch_packets_count{${sent}}`)).toBe(all);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds (\d[\d.e+-]*|NaN)$/m);
  });

  it('have every name that the dashboard uses', async () => {
    const file = join(import.meta.dirname, '../../grafana/litz.json');
    const names = metricsIn(readFileSync(file, 'utf8'));
    expect(names.size).toBeGreaterThan(20);
    const text = await scrape();
    const served = new Set([...text.matchAll(/^(\w+)[{ ]/gm)].map(([, name]) => name));
    expect([...names].filter((name) => !served.has(name))).toEqual([]);
  });

  it('have the text format that promtool and Prometheus read', async () => {
    const text = await scrape();
    for (const line of text.split('\n')) {
      expect(line).toMatch(
        /^(|# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"\n]*",?)+\})? (NaN|[-+\d.e]+))$/,
      );
    }
    const helps = [...text.matchAll(/^# HELP (\w+)/gm)].map(([, name]) => name);
    expect(new Set(helps).size).toBe(helps.length);
  });

  it('are served on loopback by litz up, but not to a page with another host name', async () => {
    const { right } = hosts;
    const url = 'http://127.0.0.1:9586/metrics';
    expect(await right.run('curl', ['-sS', url])).toContain(`interface="${OTHER}"`);
    const rebound = await right.run('curl', ['-sS', '-H', 'Host: evil.example:9586', url]);
    expect(rebound).toBe('the header Host must be localhost, 127.0.0.1 or [::1]\n');
    await expect(right.run('curl', ['-sS', 'http://10.9.0.2:9586/metrics'])).rejects.toThrow(
      'Command failed',
    );
  });

  it('are served without delay while 100 clients never read, and these clients take little memory', async () => {
    const before = residentMegabytes();
    const silent = Array.from({ length: 100 }, () => createConnection(socket));
    onTestFinished(() => silent.forEach((one) => one.destroy()));
    for (const one of silent) {
      one.on('error', () => {}).pause();
      one.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1000));
    }
    const start = performance.now();
    expect(await scrape()).toContain('litz_up');
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(await hosts.left.ping('10.7.0.2/32')).toBe(3);
    expect(residentMegabytes() - before).toBeLessThan(100);
  });

  it('are not served at an address that is taken or is not a loopback address; the error names the flag', async () => {
    const { left } = hosts;
    const name = uniqueName('o');
    const taken = left.litz(['-f', name, '--metrics', `unix:${socket}`]);
    expect(await taken.end()).toBe(1);
    expect(taken.text).toContain(`--metrics: cannot listen on unix:${socket}: another program`);
    expect(left.hasLink(name)).toBe(false);
    const open = left.litz(['-f', name, '--metrics', '0.0.0.0:1']);
    expect(await open.end()).toBe(2);
    expect(open.text).toContain('--metrics: expected a loopback address');
  });
});

function scrape(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socket, path: '/metrics', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(text)).on('error', reject);
    });
    asked.on('error', reject).end();
  });
}

function valueOf(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  if (line === undefined) throw new Error(`there is no ${series}`);
  return Number(line.slice(series.length + 1));
}

/** Returns the names of the metrics in the queries of a dashboard. */
function metricsIn(dashboard: string): Set<string> {
  const { panels } = JSON.parse(dashboard) as { panels: { targets: { expr: string }[] }[] };
  const texts = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const words = texts.join(' ').matchAll(/\b(?:litz|wireguard|process|nodejs)_\w+/g);
  return new Set([...words].map(([word]) => word));
}

function residentMegabytes(): number {
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1024;
}

function escaped(text: string): string {
  return text.replaceAll(/[+/=.]/g, '\\$&');
}
