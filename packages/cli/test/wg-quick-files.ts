/**
 * Files for wg-quick: some written by hand, each with one special case, and some random. Their
 * values are chosen so that the tunnel can be brought up in an empty network namespace.
 *
 * @module
 */
import { formatKey, generatePrivateKey, nobleProvider, publicKeyOf } from '@litz/core';
import type { KeyPair } from './key-pair.ts';

/** A file, named after its special case. */
export interface OddFile {
  readonly name: string;
  readonly text: string;
}

export function handMadeFiles(): OddFile[] {
  return [
    ...oddities('[Interface]', INTERFACE_LINES, (line) =>
      fileWith([line], ['AllowedIPs = 10.5.0.0/16']),
    ),
    ...oddities('[Peer]', PEER_LINES, (line) => fileWith([], [line])),
    ...Object.entries(WHOLE_FILES).map(([name, text]) => ({ name, text })),
  ];
}

/** Returns a file of random lines. @param random returns a number from 0 to below 1 */
export function randomFile(random: () => number): string {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  const some = (lines: readonly string[], most: number): string[] =>
    Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick(lines));
  const interfaceLines = (): string[] => some(RANDOM_INTERFACE_LINES, 5);
  const sections = [`[Interface]`, `PrivateKey = ${A.privateKey}`, ...interfaceLines()];
  const keys = [B, C].slice(0, Math.floor(random() * 3));
  for (const { publicKey } of keys) {
    sections.push('', '[Peer]', `PublicKey = ${publicKey}`, ...some(RANDOM_PEER_LINES, 4));
    if (random() < 0.15) sections.push('[Interface]', ...interfaceLines());
  }
  const dressed = sections.map((line) => dress(line, random, pick));
  return `${dressed.join(random() < 0.1 ? '\r\n' : '\n')}${random() < 0.9 ? '\n' : ''}`;
}

/** Returns the same line with other spaces, letter cases and comments. */
function dress(line: string, random: () => number, pick: <T>(items: readonly T[]) => T): string {
  const blank = (): string => (random() < 0.15 ? pick(['', ' ', '\t', '  ']) : '');
  const sign = line.indexOf('=');
  if (sign === -1) return `${blank()}${line}${blank()}${random() < 0.1 ? '# x = y' : ''}`;
  let key = line.slice(0, sign).trim();
  if (random() < 0.1) key = pick([key.toLowerCase(), key.toUpperCase()]);
  const equals = random() < 0.2 ? pick(['=', ' =', '= ', '\t=\t', '  =  ']) : ' = ';
  const comment = random() < 0.1 ? pick(['#', ' # one', '\t#a=b', ' ## [Peer]']) : '';
  return `${blank()}${key}${equals}${line.slice(sign + 1).trim()}${blank()}${comment}`;
}

function oddities(
  section: string,
  lines: readonly string[],
  file: (line: string) => string,
): OddFile[] {
  return lines.map((line) => ({ name: `${section} ${JSON.stringify(line)}`, text: file(line) }));
}

function fileWith(interfaceLines: readonly string[], peerLines: readonly string[]): string {
  const hasKey = peerLines.some((line) => /^\s*public\s*key/i.test(line));
  return [
    '[Interface]',
    `PrivateKey = ${A.privateKey}`,
    ...interfaceLines,
    '[Peer]',
    ...(hasKey ? [] : [`PublicKey = ${B.publicKey}`]),
    ...peerLines,
    '',
  ].join('\n');
}

/**
 * Returns a fixed pair of keys. Test names contain the files, so the files must be the same in
 * every run.
 */
function pair(fill: number): KeyPair {
  const privateKey = generatePrivateKey((out) => void out.fill(fill));
  const publicKey = publicKeyOf(privateKey, nobleProvider);
  return { privateKey: formatKey(privateKey), publicKey: formatKey(publicKey) };
}

const A = pair(1);
const B = pair(2);
const C = pair(3);
const ZEROS = `${'A'.repeat(43)}=`;

/** Lines of [Interface], right and wrong ones. Each is in a file of its own. */
const INTERFACE_LINES: readonly string[] = [
  'Address =',
  'Address = ,',
  'Address = 10.1.0.1/24,',
  'Address = 10.1.0.1/24 fd01::1/64',
  'Address = 10.1.0.1/24 , fd01::1/64 ,, 10.2.0.1',
  'Address = 10.1.0.1/24\nAddress = fd01::1/64',
  'Address = 10.1.0.1/24\nAddress = 10.1.0.1/24',
  'Address = 10.1.0.1/255.255.0.0',
  'Address = 10.1.0.1/33',
  'Address = 10.1.0.1/',
  'Address = 10.1.0.1/+8',
  'Address = 10.1.0.1/ 24',
  'Address = FD01::1/64, fd02:0:0::ffff:1.2.3.4/96',
  'Address = ::10.1.0.1/120',
  'Address = 10.1.0.256/24',
  'Address = fe80::7/64',
  'Address = fd01::1%lo/64',
  'Addr ess = 10.1.0.1/24',
  'address=10.1.0.1/24#mine',
  'MTU =',
  'MTU = 1400',
  'MTU = 1400\nMTU =',
  'MTU = 0x500',
  'MTU = 67',
  'MTU = 65536',
  'MTU = 1 400',
  'Table =',
  'Table = auto',
  'Table = off\nTable =',
  'Table = main',
  'Table = MAIN',
  'Table = OFF',
  'Table = 0',
  'Table = 123',
  'Table = 0x7b',
  'Table = 4294967295',
  'Table = 4294967296',
  'Table = no-such-table',
  'DNS =',
  'DNS = ,',
  'DNS = 192.0.2.53',
  'PreUp =',
  'PostUp =   # nothing',
  'PreDown =\nPostDown =',
  'PostUp = true',
  'SaveConfig = FALSE',
  'SaveConfig = false',
  'SaveConfig =',
  'SaveConfig = no',
  'SaveConfig = True',
  'ListenPort = 51821',
  'ListenPort = 0051821',
  'Listen Port = 518 21',
  'ListenPort =',
  'ListenPort = 0',
  'ListenPort = 51821, ',
  'ListenPort = domain',
  'ListenPort = 99999',
  'FwMark = 0x10',
  'FwMark = 0X10',
  'FwMark = OFF',
  'FwMark = 16',
  'FwMark =',
  'FwMark = -1',
  'FwMark = 4294967296',
  'PrivateKey =',
  `PrivateKey = ${ZEROS}`,
  `PrivateKey = ${A.privateKey.slice(0, 9)} ${A.privateKey.slice(9)}`,
  `PrivateKey = ${A.privateKey.slice(0, 43)}`,
  `Private Key=${A.privateKey}`,
  'Colour = red',
  'nonsense',
  '; comment',
];

/** Lines of [Peer], right and wrong ones. Each is in a file of its own. */
const PEER_LINES: readonly string[] = [
  'AllowedIPs =',
  'AllowedIPs = 10.5.0.0/16,',
  'AllowedIPs = 10.5.0.0/16, 10.6.0.7/16, fd05::7/32',
  'AllowedIPs = 10.5.0.0/16 , 10.6.0.0/16',
  'AllowedIPs = 10.5.0.0/16 10.6.0.0/16',
  'AllowedIPs = 10.5. 0.0/16',
  'AllowedIPs = 10.5.0.0/016',
  'AllowedIPs = 10.5.0.0/+8',
  'AllowedIPs = 10.5.0.0/33',
  'AllowedIPs = 10.5.0.0/',
  'AllowedIPs = 10.5.0.0/255.255.0.0',
  'AllowedIPs = 10.5.0.1, fd05::1',
  'AllowedIPs = 10.5.0.01',
  'AllowedIPs = 10.5/16',
  'AllowedIPs = ::10.5.0.0/112, ::ffff:10.5.0.0/112, ::ffff:0:10.5.0.0/112',
  'AllowedIPs = fe80::1%lo/128',
  'AllowedIPs = 10.5.0.0/16\nAllowedIPs = 10.6.0.0/16\nAllowed IPs = 10.5.0.0/16',
  'AllowedIPs = 0.0.0.0/0',
  'AllowedIPs = 0.0.0.0/0, ::/0, 10.5.0.0/16',
  'AllowedIPs = 0.0.0.0/1, 128.0.0.0/1',
  'Endpoint = 198.51.100.7:7',
  'Endpoint = 198.51.100.7 : 7',
  'Endpoint = [198.51.100.7]:7',
  'Endpoint = 2001:db8:9::7:7',
  'Endpoint = [2001:db8:9::7]:7',
  'Endpoint = [2001:db8:9::7]:007',
  'Endpoint = [2001:db8:9::7%lo]:7',
  'Endpoint = [fe80::7%wan]:7',
  'Endpoint = fe80::7%wan:7',
  'Endpoint = [fe80::7%no-such-link]:7',
  'Endpoint = [fe80::7%]:7',
  'Endpoint = [fe80::7%4294967296]:7',
  'Endpoint = [::198.51.100.7]:7',
  'Endpoint = [::ffff:198.51.100.7]:7',
  'Endpoint = [2001:db8:9::7]',
  'Endpoint = [2001:db8:9::7]:',
  'Endpoint = 198.51.100.7',
  'Endpoint = 198.51.100.7:',
  'Endpoint = 198.51.100.7:0',
  'Endpoint = 198.51.100.7:65536',
  'Endpoint = 198.51.100.7:-1',
  'Endpoint = 198.51.100.7:domain',
  'Endpoint = 198.51.7:7',
  'Endpoint = 198.051.100.7:7',
  'Endpoint = 0xc6336407:7',
  'Endpoint =',
  'PersistentKeepalive = 25',
  'PersistentKeepalive = OFF',
  'PersistentKeepalive = 0',
  'PersistentKeepalive = 025',
  'PersistentKeepalive = 65536',
  'PersistentKeepalive =',
  `PresharedKey = ${ZEROS}`,
  `PresharedKey = ${A.privateKey}`,
  'PresharedKey =',
  `PublicKey = ${ZEROS}`,
  `Public Key = ${B.publicKey.slice(0, 5)}\t${B.publicKey.slice(5)}`,
  'PublicKey =',
  'Address = 10.1.0.1/24',
  'MTU = 1400',
];

const WHOLE_FILES: Readonly<Record<string, string>> = {
  'an empty file': '',
  'nothing but a comment': '# nothing\n',
  'no peer and no key': '[Interface]\nAddress = 10.1.0.1/24\n',
  'no line feed at the end': '[Interface]\nAddress = 10.1.0.1/24',
  'carriage returns': fileWith(['Address = 10.1.0.1/24 # x', 'MTU ='], []).replaceAll('\n', '\r\n'),
  'a field before the first header': `ListenPort = 7\n${fileWith([], [])}`,
  'a byte order mark': `\uFEFF${fileWith(['Address = 10.1.0.1/24'], [])}`,
  'blanks in headers': `[ Interface ]\nListenPort = 7\n[ peer ]\nPublicKey = ${B.publicKey}\n`,
  'blanks in the header above a field of wg-quick': '[ Interface ]\nAddress = 10.1.0.1/24\n',
  'headers in capitals': `[INTERFACE]\nAddress = 10.1.0.1/24\n[PEER]\nPublicKey = ${B.publicKey}\n`,
  'text behind a header': '[Interface] x\nListenPort = 7\n',
  'another header': `${fileWith([], [])}[Tunnel]\n`,
  'two [Interface]': `${fileWith(['Address = 10.1.0.1/24', 'ListenPort = 7'], [])}[Interface]\nListenPort = 8\nAddress = 10.2.0.1/24\nMTU = 1300\n`,
  'one peer twice': `${fileWith([], ['AllowedIPs = 10.5.0.0/16'])}[Peer]\nPublicKey = ${B.publicKey}\nAllowedIPs = 10.6.0.0/16\n`,
  'a peer without a key': '[Interface]\n[Peer]\nAllowedIPs = 10.5.0.0/16\n',
  'allowed IPs inside the network of an interface address': fileWith(
    ['Address = 10.5.0.1/16, fd05::1/32'],
    ['AllowedIPs = 10.5.7.0/24, 10.5.0.0/16, 10.4.0.0/14, fd05:0:7::/48, fd04::/15'],
  ),
  'Table = main with a default route': fileWith(
    ['Address = 10.1.0.1/24, fd01::1/64', 'Table = main'],
    ['AllowedIPs = 10.5.0.0/16, ::/0'],
  ),
  'Table = main with allowed IPs inside the network of an interface address': fileWith(
    ['Address = 10.1.0.1/24', 'Table = main'],
    ['AllowedIPs = 10.1.0.0/24'],
  ),
  'a table and a mark with a default route': fileWith(
    ['Address = 10.1.0.1/24', 'Table = 77', 'FwMark = 0x4d'],
    ['AllowedIPs = 0.0.0.0/0, 10.5.0.0/16'],
  ),
  'a mark with a default route': fileWith(
    ['Address = 10.1.0.1/24, fd01::1/64', 'FwMark = 0x4d'],
    ['AllowedIPs = 0.0.0.0/0, ::/0'],
  ),
  'no table with a default route': fileWith(
    ['Address = 10.1.0.1/24', 'Table = off'],
    ['AllowedIPs = 0.0.0.0/0'],
  ),
  "a peer with the interface's own public key": fileWith(
    [],
    [`PublicKey = ${A.publicKey}`, 'AllowedIPs = 10.5.0.0/16'],
  ),
};

const RANDOM_INTERFACE_LINES: readonly string[] = [
  'Address = 10.1.0.1/24',
  'Address = 10.2.0.1/16, 10.3.0.1',
  'Address = fd01::1/64 fd02::1/128,',
  'Address =',
  'ListenPort = 51821',
  'ListenPort = 51822',
  'FwMark = 0x4d',
  'FwMark = off',
  'MTU = 1380',
  'MTU =',
  'Table = auto',
  'Table = off',
  'Table = main',
  'Table = 77',
  'Table =',
  'DNS =',
  'PreUp =',
  'PostDown =',
  'SaveConfig = False',
  '',
  '# ListenPort = 7',
  // Some of the next lines are refused by one program or by both.
  'PostUp = true',
  'ListenPort = x',
  'Address = 10.1.0.1/99',
];

const RANDOM_PEER_LINES: readonly string[] = [
  'AllowedIPs = 10.5.0.0/16, fd05::/32',
  'AllowedIPs = 10.6.0.0 / 24 , 10.5.9.0/24',
  'AllowedIPs = 10.7.0.7/9',
  'AllowedIPs = 10.1.0.2/32, 10.1.0.0/25, fd01::2/128',
  'AllowedIPs = 0.0.0.0/0',
  'AllowedIPs = ::/0',
  'AllowedIPs = ::10.5.0.0/120',
  'Endpoint = 198.51.100.7:51820',
  'Endpoint = 2001:db8:9::7:51820',
  'Endpoint = [2001:db8:9::8]:51820',
  'Endpoint = [fe80::7%wan]:51820',
  'PersistentKeepalive = 25',
  'PersistentKeepalive = off',
  `PresharedKey = ${C.privateKey}`,
  '',
  '# AllowedIPs = 10.9.0.0/16',
  'AllowedIPs = 10.5.0.0/16,',
  'Endpoint = 198.51.100.7',
];
