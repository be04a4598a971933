/**
 * Compares `litz up` with `wg-quick up` on wireguard-go, with the same files. Each program runs in
 * an empty namespace of its own. Both programs must refuse a file, or both must bring up the same
 * tunnel. The intended differences are listed here by name.
 *
 * Each file takes two thirds of a second, so only some files are tested: `LITZ_WG_QUICK_FILES` is
 * their number (default 40), and `LITZ_WG_QUICK_SEED` selects them. If the number is 200, all files
 * written by hand are tested, and some random files.
 *
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { describeWith, programRequirement, seededRandom } from '@litz/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseCidr } from '@litz/config';
import { Host, removeSockets, uniqueName } from '../host.ts';
import { realInterfaces } from '../litz-process.ts';
import { handMadeFiles, randomFile, type OddFile } from '../wg-quick-files.ts';
import {
  fakePrograms,
  forgetCalls,
  resolvconfCalls,
  wgQuick,
  wgQuickPrograms,
} from '../wg-quick-program.ts';

interface Difference {
  readonly name: string;
  /** The program that refuses a file which the other accepts. */
  readonly refusedBy: 'litz' | 'wg-quick';
  /** Matches a line that causes the difference. */
  readonly line: RegExp;
}

/**
 * All intended differences. If no line of a file matches one of them, both programs must give the
 * same result.
 */
const DIFFERENCES: readonly Difference[] = [
  { name: 'prefix lengths with a plus sign', refusedBy: 'litz', line: /^\s*Address\s*=.*\/\+/im },
  { name: 'names of services instead of port numbers', refusedBy: 'litz', line: /domain$/im },
  { name: 'port numbers above 65535', refusedBy: 'litz', line: /(99999|:65536)$/m },
  { name: 'port 0, to which nothing can be sent', refusedBy: 'litz', line: /:0$/m },
  {
    name: 'IPv4 addresses that only inet_aton reads',
    refusedBy: 'litz',
    line: /198\.51\.7:|198\.051\./,
  },
  {
    name: 'an empty list of prefixes',
    refusedBy: 'wg-quick',
    line: /^\s*Allowed\s*IPs\s*=\s*(#.*)?$/im,
  },
  {
    name: 'blanks inside the brackets of [ Interface ]',
    refusedBy: 'wg-quick',
    line: /^\[ Interface \]$/m,
  },
  { name: 'a byte order mark', refusedBy: 'wg-quick', line: /^\uFEFF/ },
];

const count = Number(process.env['LITZ_WG_QUICK_FILES'] ?? 40);
const random = seededRandom(Number(process.env['LITZ_WG_QUICK_SEED'] ?? 1));
const files = chosenFiles();
const requirements = [
  ...realInterfaces,
  ...wgQuickPrograms,
  programRequirement('wireguard'),
  programRequirement('nft'),
];

let ours: Side;
let theirs: Side;

describeWith(requirements, 'litz up and wg-quick up', () => {
  beforeAll(() => {
    ours = new Side('l');
    theirs = new Side('w');
  });
  afterAll(async () => {
    await Promise.all([ours.host.close(), theirs.host.close()]);
    removeSockets();
  });

  it.each(files)('do the same with $name', async ({ text }) => {
    expect(await differenceOf(text)).toBeUndefined();
  });
});

/** Selects `count` files: up to four fifths are written by hand, and the rest are random. */
function chosenFiles(): OddFile[] {
  const places = new Map(handMadeFiles().map((file) => [file, random()]));
  const handMade = [...places.keys()].toSorted((a, b) => places.get(a)! - places.get(b)!);
  const chosen = handMade.slice(0, Math.ceil(count * 0.8));
  for (let i = 1; chosen.length < count; i++) {
    chosen.push({ name: `random file ${i}`, text: randomFile(random) });
  }
  return chosen;
}

/** Returns the unintended difference between the programs; undefined: there is none. */
async function differenceOf(text: string): Promise<unknown> {
  const [litz, quick] = await Promise.all([withLitz(text), withWgQuick(text)]);
  if (!litz.tunnel && !quick.tunnel) return undefined;
  if (litz.tunnel && quick.tunnel) {
    const isSame = isDeepStrictEqual(litz.tunnel, quick.tunnel);
    return isSame ? undefined : { text, litz: litz.tunnel, quick: quick.tunnel };
  }
  const refusedBy = litz.tunnel ? 'wg-quick' : 'litz';
  const isMeant = DIFFERENCES.some(
    (known) => known.refusedBy === refusedBy && known.line.test(text),
  );
  return isMeant ? undefined : { text, refusedBy, says: litz.says ?? quick.says };
}

interface Outcome {
  /** The state of the tunnel; undefined: the file was refused. */
  readonly tunnel?: unknown;
  readonly says?: string;
}

async function withLitz(text: string): Promise<Outcome> {
  const started = ours.host.litz(['up', ours.write(text)], {
    // With the fake `resolvconf`, litz does not change the DNS servers of this machine.
    env: { LOG_LEVEL: 'verbose', PATH: fakePrograms(ours.host) },
  });
  try {
    await started.says(/: up, listens on/);
    return { tunnel: await ours.tunnel(text) };
  } catch (error) {
    return { says: (error as Error).message };
  } finally {
    await started.end('SIGTERM');
    ours.clear();
  }
}

async function withWgQuick(text: string): Promise<Outcome> {
  try {
    await wgQuick(theirs.host, 'up', theirs.write(text), 'wireguard');
    return { tunnel: await theirs.tunnel(text) };
  } catch (error) {
    return { says: (error as Error).message };
  } finally {
    await theirs.host.run('nft', ['flush', 'ruleset']);
    theirs.clear();
  }
}

/** A namespace with a default route in which one of the two programs runs. */
class Side {
  readonly host: Host = new Host();
  readonly #name: string;
  readonly #rules: ReadonlySet<string>;

  constructor(suffix: string) {
    this.#name = uniqueName(suffix);
    const { netlink } = this.host;
    netlink.createVeth('wan', 'peer');
    for (const link of ['wan', 'peer']) {
      netlink.setLink(netlink.linkByName(link)!.index, { up: true });
    }
    const { index } = netlink.linkByName('wan')!;
    for (const text of ['192.0.2.1/24', '2001:db8::1/64', 'fe80::1/64']) {
      netlink.addAddress(index, parseCidr(text), { noDad: true });
    }
    for (const [destination, gateway] of [
      ['0.0.0.0/0', '192.0.2.2'],
      ['::/0', '2001:db8::2'],
    ] as const) {
      const { address, prefixLength } = parseCidr(destination);
      const route = { destination: address, prefixLength, interfaceIndex: index };
      netlink.addRoute({ ...route, gateway: parseCidr(gateway).address });
    }
    this.#rules = new Set(netlink.rules().map((rule) => JSON.stringify(rule)));
  }

  write(text: string): string {
    return this.host.writeText(`${this.#name}.conf`, text);
  }

  /** Returns the state that the file determines, without the name of the interface. */
  async tunnel(text: string): Promise<unknown> {
    const { host } = this;
    const name = this.#name;
    const conf = await host.run('wg', ['showconf', name]);
    const hasPort = /^\s*Listen\s*Port\s*=\s*0*[1-9]/im.test(text);
    return {
      // Litz converts an IPv4-mapped endpoint to IPv4. wireguard-go keeps the endpoint, and cannot
      // reach it.
      conf: sortedConfig(hasPort ? conf : conf.replace(/^ListenPort.*\n/m, '')).map((section) =>
        section.replace(/\[::ffff:([\d.]+)\]/, '$1'),
      ),
      addresses: host.addresses(name).toSorted(),
      routes: host
        .routes()
        .filter((route) => route.includes(` ${name} `))
        .map((route) => route.replace(name, 'LINK'))
        .toSorted(),
      rules: host.rules(),
      mtu: host.netlink.linkByName(name)?.mtu,
      up: host.netlink.linkByName(name)?.up,
      resolvconf: resolvconfCalls(host).map((call) => call.replace(name, 'LINK')),
    };
  }

  /**
   * Removes what a program has left. This also removes the tunnel of wg-quick, because the tests do
   * not call `wg-quick down`.
   */
  clear(): void {
    forgetCalls(this.host);
    const { netlink } = this.host;
    const link = netlink.linkByName(this.#name);
    if (link) netlink.deleteLink(link.index);
    for (const rule of netlink.rules()) {
      if (!this.#rules.has(JSON.stringify(rule))) netlink.deleteRule(rule);
    }
  }
}

/** Sorts peers and prefixes, because a daemon returns them in any order. */
function sortedConfig(conf: string): string[] {
  const sections = conf.trim().split(/\n\n+/);
  return sections
    .map((section) =>
      section
        .split('\n')
        .map((line) => line.replace(/^AllowedIPs = (.*)$/, (_, list: string) => sortedList(list)))
        .join('\n'),
    )
    .toSorted();
}

function sortedList(list: string): string {
  return `AllowedIPs = ${list.split(', ').toSorted().join(', ')}`;
}
