/**
 * Checks of the interface, its daemon and the machine. Pure.
 *
 * @module
 */
import { fail, ok, warn, type Finding } from './finding.ts';
import type { LinkFacts, TunnelFacts } from './tunnel-facts.ts';

/**
 * Returns the findings, at most one for each subject. If no daemon answers, the only finding is the
 * one about the daemon.
 */
export function checkInterface(facts: TunnelFacts): Finding[] {
  const daemon = checkDaemon(facts);
  if (daemon.state === 'fail') return [daemon];
  return [
    daemon,
    checkKey(facts),
    checkLink(facts),
    checkClock(facts),
    checkFirewall(facts),
    ...checkFile(facts),
    ...checkPeers(facts),
  ];
}

/**
 * This check was written after this time, so a clock that shows an earlier time is wrong.
 */
export const EARLIEST_MS: number = Date.UTC(2025, 0);

function checkDaemon({ name, daemon, noDaemon, link }: TunnelFacts): Finding {
  const subject = 'daemon';
  if (daemon) {
    return daemon.details
      ? ok(subject, 'Litz answers')
      : ok(subject, 'another implementation of WireGuard answers, which reports less than Litz');
  }
  if (link?.kind === 'wireguard') {
    const text = `${name} is an interface of the kernel's own WireGuard, which litz doctor cannot ask`;
    return fail(
      subject,
      text,
      `Use wg show ${name}, or remove the interface: ip link delete ${name}`,
    );
  }
  if (link && link.kind !== 'tun') {
    const text = `${name} is not a tunnel: its kind is ${link.kind ?? 'a physical link'}`;
    return fail(subject, text, 'Use another name for the tunnel');
  }
  const start = `Start a daemon: litz ${name}, or litz up ${name}`;
  if (!link) return fail(subject, `there is no interface ${name} in this namespace`, start);
  return fail(subject, noDaemon ?? 'the daemon does not answer', start);
}

function checkKey({ name, daemon, file }: TunnelFacts): Finding {
  const subject = 'key';
  if (daemon!.publicKey === undefined) {
    return fail(
      subject,
      'there is no private key, so no peer can be reached',
      `Set a private key: wg set ${name} private-key FILE`,
    );
  }
  if (file?.hasOwnKeyAsPeer) {
    const text = `a peer in ${file.path} has the public key of this interface, so that peer is never used`;
    return fail(subject, text, 'Give that peer the public key of the other side');
  }
  return ok(subject, `the public key is ${daemon!.publicKey}: the peers must have it`);
}

function checkLink({ name, link }: TunnelFacts): Finding {
  const subject = 'interface';
  if (!link) {
    const text = 'the daemon answers, but its interface is not in this namespace';
    return fail(subject, text, 'Run litz doctor in the namespace of the interface: ip netns exec');
  }
  if (!link.up) return fail(subject, 'the link is down', `Set the link up: ip link set ${name} up`);
  if (ownAddresses(link).length === 0) {
    const text = 'the interface has no address, so this machine cannot send into the tunnel';
    return fail(
      subject,
      text,
      `Add the address that the peers allow: ip address add ADDRESS dev ${name}`,
    );
  }
  return ok(subject, `up, MTU ${link.mtu}`);
}

/** Returns all addresses except IPv6 link-local ones, which the kernel makes for each link. */
function ownAddresses({ addresses }: LinkFacts): LinkFacts['addresses'] {
  return addresses.filter(({ address: { length, [0]: first, [1]: second } }) => {
    return length === 4 || first !== 0xfe || (second! & 0xc0) !== 0x80;
  });
}

/**
 * Checks the clock. An initiation contains the time of its sender. A peer refuses an initiation if
 * its time is not later than the time in the last initiation that the peer accepted.
 */
function checkClock({ nowMs, peers }: TunnelFacts): Finding {
  const subject = 'clock';
  const remedy = 'Set the clock, for example with: timedatectl set-ntp true';
  if (nowMs < EARLIEST_MS) {
    const text = `the clock of this machine shows ${dateOf(nowMs)}, which is too early. Peers that accepted a handshake with a later time refuse the handshakes of this machine`;
    return fail(subject, text, remedy);
  }
  const latest = Math.max(0, ...peers.map(({ status }) => status.lastHandshakeUnixMs));
  if (latest > nowMs + TOLERANCE_MS) {
    const text = `the last handshake was at ${dateOf(latest)}, and the clock shows ${dateOf(nowMs)}, so the clock went back. Peers refuse handshakes of this machine until the clock shows a later time than ${dateOf(latest)}`;
    return fail(subject, text, remedy);
  }
  return ok(subject, dateOf(nowMs));
}

/**
 * Says whether the rules were read. This finding is always `ok`: a rule that drops packets is
 * reported with the peer whose packets it drops.
 */
function checkFirewall({ unreadFirewall, peers }: TunnelFacts): Finding {
  const subject = 'firewall';
  if (unreadFirewall !== undefined)
    return ok(subject, `the rules are not known: ${unreadFirewall}`);
  const isBlocked = peers.some(({ blocks }) => blocks.some(({ how }) => how === 'certain'));
  return ok(
    subject,
    isBlocked
      ? 'the rules were read'
      : 'no rule was found that certainly drops packets of the tunnel',
  );
}

function checkFile({ file }: TunnelFacts): Finding[] {
  if (!file) return [];
  const subject = 'file';
  const { path, problem, sharedPrefixes } = file;
  if (problem !== undefined) {
    return [warn(subject, problem, 'Correct the file before the next litz reload')];
  }
  if (sharedPrefixes.length > 0) {
    const text = `${path} gives ${sharedPrefixes.join(', ')} to several peers, and only the last of these peers gets the packets`;
    return [fail('allowed IPs', text, 'Give each prefix to one peer')];
  }
  return [ok(subject, path)];
}

function checkPeers({ name, peers, more }: TunnelFacts): Finding[] {
  const subject = 'peers';
  if (peers.length === 0) {
    return [fail(subject, 'there is no peer', `Add a peer: wg set ${name} peer KEY ...`)];
  }
  return more === 0 ? [] : [ok(subject, `${more} more peers were not examined`)];
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** In ms. A smaller difference is no fault: clocks are corrected by small amounts. */
const TOLERANCE_MS = 10_000;
