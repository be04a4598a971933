import { parseCidr } from '@litz/config';
import { beforeEach, describe, expect, test } from 'vitest';
import { StepError, Tunnel, type PolicyRule, type TunnelRequest } from '../../src/quick/index.ts';
import { FakeHost } from './fake-host.ts';

let host: FakeHost;

beforeEach(() => {
  host = new FakeHost();
});

describe('Tunnel.up', () => {
  test('carries out all steps in order, and gives the device the mark of the plan', async () => {
    await up(FULL);
    expect(host.log).toEqual(ALL_STEPS);
    expect(host.device?.configuration).toEqual({ listenPort: 51820, fwmark: 51820 });
  });

  test('reports each step before it is carried out', async () => {
    const told: string[] = [];
    host.failure = { entry: 'up wg0 1420', errno: 'EPERM' };
    await expect(up(FULL, { onStep: (text) => told.push(text) })).rejects.toThrow('EPERM');
    expect(told.at(-1)).toBe('set wg0 up, MTU 1420');
  });

  test.each(entriesOfFull())('undoes everything when "%s" fails', async (entry) => {
    host.facts_ = { ...host.facts_, strictInterfaces: ['eth0'] };
    host.failure = { entry, errno: 'EEXIST' };
    await expect(up(FULL)).rejects.toBeInstanceOf(StepError);
    expect(host.links).toEqual(new Set());
    expect(host.rules).toEqual([]);
    expect(host.loose).toEqual(new Set());
  });

  test('runs the hooks and sets the DNS servers in the order of wg-quick', async () => {
    const tunnel = await up({ ...FULL, ...HOOKED });
    await tunnel.down();
    expect(host.log.filter((entry) => !/^(rule|sysctl|route|address)/.test(entry))).toEqual([
      'hook pre up',
      'device open wg0',
      'device configure',
      'up wg0 1420',
      'dns 192.0.2.53 wg0',
      'hook post up',
      'hook pre down',
      'delete rule 4 32765',
      'delete rule 4 32764',
      'restore dns wg0',
      'device close',
      'hook post down',
    ]);
  });

  test('sets no search domains if there is no server, as wg-quick does', async () => {
    await up({ ...FULL, dns: { servers: [], searchDomains: ['a.example'] } });
    expect(host.log).toEqual(ALL_STEPS);
  });

  test.each(['hook pre up', 'dns 192.0.2.53 wg0', 'hook post up'])(
    'undoes everything when "%s" fails, and runs no hook of down',
    async (entry) => {
      host.failure = { entry, errno: 'EROFS' };
      await expect(up({ ...FULL, ...HOOKED })).rejects.toThrow(/cannot (run P|set DNS).*EROFS/);
      expect(host.links).toEqual(new Set());
      expect(host.rules).toEqual([]);
      expect(host.dns).toEqual(new Set());
      expect(host.log.filter((line) => line.startsWith('hook') && line.endsWith('down'))).toEqual(
        [],
      );
    },
  );

  test('rejects with the reason of the abort signal if a hook ends because of it', async () => {
    const controller = new AbortController();
    host.runHook = async () => {
      controller.abort(new Error('Ctrl-C'));
      throw new Error('it was ended by SIGINT');
    };
    const aborted = up({ ...FULL, ...HOOKED }, { signal: controller.signal });
    await expect(aborted).rejects.toBe(controller.signal.reason);
  });

  test('deletes left-over rules before it adds its own rules', async () => {
    const left: PolicyRule = { family: 4, priority: 32765, table: 51820, notMark: 51820 };
    host.rules.push(left);
    host.facts_ = { ...host.facts_, tunnelRules: [left] };
    const tunnel = await up(FULL);
    expect(host.log.slice(-3)).toEqual(['delete rule 4 32765', 'rule 4 32764', 'rule 4 32765']);
    await tunnel.down();
    expect(host.rules).toEqual([]);
  });

  test.each(['', 'restore eth0 wg0'])(
    'restores left-over filters, and continues if that fails (the step that fails: %j)',
    async (entry) => {
      host.facts_ = { ...host.facts_, leftOverFilters: ['eth0'] };
      host.failure = { entry, errno: 'EROFS' };
      const tunnel = await up({ ...FULL, allowedIps: [] });
      expect(host.log.includes('restore eth0 wg0')).toBe(entry === '');
      host.log.length = 0;
      await tunnel.down();
      expect(host.log).toEqual(['device close']);
    },
  );

  test.each(['EROFS', 'EACCES', 'EPERM', 'ENOENT'])(
    'continues without src_valid_mark if it cannot be written (%s), and reports that',
    async (errno) => {
      const told: string[] = [];
      host.failure = { entry: 'sysctl net.ipv4.conf.all.src_valid_mark 1', errno };
      await up(FULL, { onStep: (text) => told.push(text) });
      expect(host.log).toEqual(ALL_STEPS.filter((entry) => !entry.startsWith('sysctl')));
      expect(told).toContain(
        'continue without net.ipv4.conf.all.src_valid_mark, which the tunnel does not need: ' +
          `asked for: ${errno}`,
      );
    },
  );

  test('names the step that failed, and its cause', async () => {
    host.failure = { entry: 'address 10.0.0.1/24 wg0', errno: 'EEXIST' };
    await expect(up(FULL)).rejects.toMatchObject({
      step: { type: 'add-address' },
      message: 'cannot add address 10.0.0.1/24: asked for: EEXIST',
      cause: { errno: 'EEXIST' },
    });
  });

  test('refuses a name that an existing interface has', async () => {
    host.links.add('wg0');
    await expect(up(FULL)).rejects.toThrow(/create interface wg0: .*EEXIST/);
    expect(host.log).toEqual([]);
    expect(host.links).toEqual(new Set(['wg0']));
  });

  test('waits until packets pass before it adds routes', async () => {
    const waits: number[] = [];
    host.unusable = 3;
    await up(FULL, {
      async sleep(ms) {
        waits.push(ms);
        expect(host.log.at(-1)).toBe('up wg0 1420');
      },
    });
    expect(waits).toHaveLength(3);
    expect(host.log).toEqual(ALL_STEPS);
  });

  test('stops waiting after two seconds', async () => {
    let waitedMs = 0;
    host.unusable = Infinity;
    await up(FULL, { sleep: async (ms) => void (waitedMs += ms) });
    expect(waitedMs).toBe(2000);
    expect(host.log).toEqual(ALL_STEPS);
  });

  test('rejects when the device cannot open its port', async () => {
    const failed = up(FULL, { onLinkUp: 'error' });
    await expect(failed).rejects.toThrow(/set wg0 up.*EADDRINUSE/);
    expect(host.log.at(-1)).toBe('device close');
  });

  test('rejects when the interface is deleted meanwhile', async () => {
    await expect(up(FULL, { onLinkUp: 'close' })).rejects.toMatchObject({
      code: 'ERR_LITZ_CLOSED',
    });
    expect(host.device?.listenerCount('close')).toBe(0);
  });

  test('stops at the step in which it is aborted, and undoes the earlier steps', async () => {
    const controller = new AbortController();
    const onStep = (text: string): void => {
      if (text.startsWith('add IPv4 rule: packets without')) controller.abort(new Error('enough'));
    };
    await expect(up(FULL, { onStep, signal: controller.signal })).rejects.toThrow('enough');
    expect(host.rules).toEqual([]);
    expect(host.log.slice(-3)).toEqual([
      'delete rule 4 32765',
      'delete rule 4 32764',
      'device close',
    ]);
  });
});

describe('Tunnel.update', () => {
  const SMALL = { ...FULL, allowedIps: [[parseCidr('10.8.0.0/16')]] };

  test('changes only the addresses and routes that differ', async () => {
    const tunnel = await up({ ...SMALL, addresses: ['10.0.0.1/24', '10.1.0.1/24'].map(parseCidr) });
    host.log.length = 0;
    const addresses = ['10.1.0.1/24', '10.0.0.2/24'].map(parseCidr);
    await tunnel.update({ ...SMALL, addresses, allowedIps: [[parseCidr('10.9.0.0/16')]] });
    expect(host.log).toEqual([
      'delete address 10.0.0.1/24 wg0',
      'address 10.0.0.2/24 wg0',
      'route 10.9.0.0/16 wg0 table 254',
      'delete route 10.8.0.0/16 wg0 table 254',
    ]);
    host.log.length = 0;
    await tunnel.update({ ...SMALL, addresses, allowedIps: [[parseCidr('10.9.0.0/16')]] });
    expect(host.log).toEqual([]);
  });

  test('adds mark, rules and route for a new default route, once, and removes the rules at the end', async () => {
    const tunnel = await up(SMALL);
    host.log.length = 0;
    await tunnel.update(FULL);
    expect(host.device?.configuration).toEqual({ fwmark: 51820 });
    expect(tunnel.mark).toBe(51820);
    expect(host.log.map((entry) => entry.replace(/ net.*/, ''))).toEqual([
      'device configure',
      'route 0.0.0.0/0 wg0 table 51820',
      'sysctl',
      'rule 4 32764',
      'rule 4 32765',
      'delete route 10.8.0.0/16 wg0 table 254',
    ]);
    host.log.length = 0;
    await tunnel.update(FULL);
    expect(host.log).toEqual([]);
    await tunnel.down();
    expect(host.rules).toEqual([]);
  });

  test('keeps table, mark and DNS servers, and takes the new hooks of down', async () => {
    const tunnel = await up({ ...SMALL, ...HOOKED });
    host.log.length = 0;
    const hooks = { preUp: ['x'], postUp: ['x'], preDown: ['new'], postDown: [] };
    await tunnel.update({ ...SMALL, mark: 9, table: 7, hooks });
    expect(host.log).toEqual([]);
    await tunnel.down();
    expect(host.log.filter((entry) => entry.startsWith('hook'))).toEqual(['hook new']);
    expect(host.dns).toEqual(new Set());
  });
});

describe('Tunnel.down', () => {
  test.each(['hook pre down', 'hook post down', 'restore dns wg0'])(
    'does all the rest when "%s" fails, and rejects with that failure',
    async (entry) => {
      const tunnel = await up({ ...FULL, ...HOOKED });
      host.failure = { entry, errno: 'EIO' };
      await expect(tunnel.down()).rejects.toThrow(/wg0 was not taken down completely: .*EIO/);
      expect(host.links).toEqual(new Set());
      expect(host.rules).toEqual([]);
      expect(host.log).toContain(entry === 'hook post down' ? 'hook pre down' : 'hook post down');
    },
  );

  test('calls onDown between the hooks and the removal, once, and only if the tunnel was up', async () => {
    const onDown = async (): Promise<void> => host.write('save');
    const tunnel = await up({ ...FULL, ...HOOKED }, { onDown });
    await Promise.all([tunnel.down(), tunnel.down()]);
    const at = host.log.indexOf('save');
    expect(host.log.slice(at - 1, at + 2)).toEqual([
      'hook pre down',
      'save',
      'delete rule 4 32765',
    ]);
    host.failure = { entry: 'hook post up', errno: 'EIO' };
    host.log.length = 0;
    await expect(up({ ...FULL, ...HOOKED }, { onDown })).rejects.toThrow('EIO');
    expect(host.log).not.toContain('save');
  });

  test('passes on what the host says about the DNS servers', async () => {
    const notices: string[] = [];
    const tunnel = await up({ ...FULL, ...HOOKED }, { onNotice: (text) => notices.push(text) });
    host.dnsNotice = 'it stays';
    await tunnel.down();
    expect(notices).toEqual(['it stays']);
  });

  test('undoes the steps whose effects would outlive the link, the last step first', async () => {
    host.facts_ = { ...host.facts_, strictInterfaces: ['eth0'] };
    const tunnel = await up(FULL);
    host.log.length = 0;
    await tunnel.down();
    expect(host.log).toEqual([
      'delete rule 4 32765',
      'delete rule 4 32764',
      'restore eth0 wg0',
      'device close',
    ]);
  });

  test('runs once, however often it is called', async () => {
    const tunnel = await up(FULL);
    await Promise.all([tunnel.down(), tunnel.down()]);
    expect(host.log.filter((entry) => entry === 'device close')).toHaveLength(1);
  });

  test('continues when a step cannot be undone, and rejects with its error', async () => {
    const tunnel = await up(FULL);
    host.failure = { entry: 'delete rule 4 32765', errno: 'EPERM' };
    await expect(tunnel.down()).rejects.toThrow(
      'wg0 was not taken down completely: asked for: EPERM',
    );
    expect(host.log.slice(-2)).toEqual(['delete rule 4 32764', 'device close']);
  });

  test('deletes rules when the process exits without a call of down', async () => {
    const before = new Set(process.listeners('exit'));
    const tunnel = await up(FULL);
    const [atExit] = process.listeners('exit').filter((listener) => !before.has(listener));
    atExit?.(1);
    expect(host.rules).toEqual([]);
    await tunnel.down();
    expect(process.listeners('exit').every((listener) => before.has(listener))).toBe(true);
  });
});

interface UpOptions {
  onStep?: (text: string) => void;
  onNotice?: (text: string) => void;
  onDown?: () => Promise<void>;
  signal?: AbortSignal;
  sleep?: (ms: number) => Promise<void>;
  onLinkUp?: 'error' | 'close';
}

function up(request: TunnelRequest, { onLinkUp, ...options }: UpOptions = {}): Promise<Tunnel> {
  return Tunnel.up(
    request,
    { listenPort: 51820 },
    {
      host,
      async openDevice(name) {
        const device = await host.openDevice(name);
        if (onLinkUp === 'error') {
          host.device!.onLinkUp = () => device.emit('error', new Error('bind: EADDRINUSE'));
        }
        if (onLinkUp === 'close') host.device!.onLinkUp = () => device.emit('close');
        return device;
      },
      ...options,
    },
  );
}

/** Returns the log of `up(FULL)` on a host with a strict reverse path filter. */
function entriesOfFull(): string[] {
  return [
    'device open wg0',
    'device configure',
    'address 10.0.0.1/24 wg0',
    'up wg0 1420',
    'route 0.0.0.0/0 wg0 table 51820',
    'sysctl net.ipv4.conf.all.src_valid_mark 1',
    'loosen eth0 wg0',
    'rule 4 32764',
    'rule 4 32765',
  ];
}

const ALL_STEPS = entriesOfFull().filter((entry) => !entry.startsWith('loosen'));

const HOOKED: Partial<TunnelRequest> = {
  dns: { servers: ['192.0.2.53'], searchDomains: [] },
  hooks: { preUp: ['pre up'], postUp: ['post up'], preDown: ['pre down'], postDown: ['post down'] },
};
const FULL: TunnelRequest = {
  name: 'wg0',
  addresses: [parseCidr('10.0.0.1/24')],
  mtu: undefined,
  table: 'auto',
  mark: 0,
  allowedIps: [[parseCidr('0.0.0.0/0')]],
  endpoints: [],
};
