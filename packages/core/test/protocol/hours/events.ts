/**
 * The events that may happen to the nodes of a `World`.
 *
 * @module
 */
import { Endpoint, parsePresharedKey } from '../../../src/index.ts';
import type { Member, World } from './world.ts';

/** Lets one event happen, and then some time pass. */
export function happen(world: World): void {
  const event = world.pick(EVENTS);
  event(world, world.pick(world.members));
  world.drive(pauseOf(world));
}

type Event = (world: World, member: Member) => void;

/**
 * Returns a pause in milliseconds, from 1 ms to two hours. About a quarter of the pauses are longer
 * than a session lives.
 */
function pauseOf(world: World): number {
  return 10 ** (world.random() * 6.9);
}

function talk(world: World, member: Member): void {
  const other = world.pick(world.othersThan(member));
  for (let rounds = world.below(3); rounds >= 0; rounds--) {
    world.send(member, other, 1 + world.below(12));
    world.drive(world.below(2000));
    if (world.random() < 0.7) world.send(other, member, 1 + world.below(12));
    world.drive(world.below(2000));
  }
}

function changeWeather(world: World): void {
  world.weather = {
    loss: world.pick([0, 0, 0.01, 0.1, 0.5, 1]),
    doubled: world.pick([0, 0.01, 0.3]),
    jitterMs: world.pick([0, 0, 20, 300]),
  };
}

/**
 * Only the last member is mobile, because two members that move at the same time could never find
 * each other again.
 */
function roam(world: World): void {
  const [mobile] = world.members.slice(-1) as [Member];
  const address = Uint8Array.of(203, 0, 113, 1 + world.below(250));
  mobile.node.endpoint = new Endpoint(address, 1024 + world.below(60_000));
}

function forgetAndMeet(world: World, member: Member): void {
  const other = world.pick(world.othersThan(member));
  const { publicKey } = other.person;
  member.node.input((engine, now) =>
    engine.configure({ peers: [{ publicKey, remove: true }] }, now),
  );
  world.forgetTimestamps(member);
  world.drive(pauseOf(world));
  world.introduce(member, other);
}

function changePresharedKey(world: World, member: Member): void {
  const other = world.pick(world.othersThan(member));
  const key = world.random() < 0.3 ? null : parsePresharedKey(randomKey(world));
  member.presharedKeys.set(other, key);
  world.introduce(member, other);
  talk(world, member);
  world.drive(pauseOf(world) / 10);
  other.presharedKeys.set(member, key);
  world.introduce(other, member);
}

function keepAlive(world: World, member: Member): void {
  const other = world.pick(world.othersThan(member));
  const persistentKeepalive = world.pick([0, 0, 10, 25, 600]);
  world.introduce(member, other, { persistentKeepalive, replaceAllowedIps: true });
}

/**
 * A member gets a new key without a rotation. The other members remove the peer with the old key,
 * and add a peer with the new key.
 */
function changeKey(world: World, member: Member): void {
  const { publicKey } = member.person;
  member.person = world.renew(member);
  const { privateKey } = member.person;
  member.node.input((engine, now) => engine.configure({ privateKey }, now));
  talk(world, member);
  for (const other of world.othersThan(member)) {
    other.node.input((engine, now) =>
      engine.configure({ peers: [{ publicKey, remove: true }] }, now),
    );
    world.introduce(other, member);
  }
}

/** A member rotates its key: for a while both keys are valid. */
function rotateKey(world: World, member: Member): void {
  const { publicKey } = member.person;
  const person = world.renew(member);
  const others = world.othersThan(member);
  for (const { node } of others) {
    const peers = [{ publicKey, nextPublicKey: person.publicKey }];
    node.input((engine, now) => engine.configure({ peers }, now));
  }
  member.node.input((engine, now) => engine.configure({ nextPrivateKey: person.privateKey }, now));
  talk(world, member);
  world.drive(pauseOf(world) / 10);
  member.person = person;
  member.node.input((engine, now) => engine.configure({ privateKey: person.privateKey }, now));
  for (const { node } of others) {
    const peers = [{ publicKey, promotePublicKey: true }];
    node.input((engine, now) => engine.configure({ peers }, now));
  }
}

function takeLinkDown(world: World, member: Member): void {
  member.node.input((engine, now) => engine.linkDown(now));
  world.drive(pauseOf(world));
  member.node.input((engine, now) => engine.linkUp(now));
}

/** The program of a member does not run for a while, and the datagrams to it are lost. */
function suspend(world: World, { node }: Member): void {
  const { nodes } = world.network;
  nodes.splice(nodes.indexOf(node), 1);
  world.drive(pauseOf(world));
  nodes.push(node);
}

function changeClock(world: World, member: Member): void {
  world.changeClock(member, world.pick([-3_600_000, -10, 10, 3_600_000]));
}

function restart(world: World, member: Member): void {
  world.restart(member);
}

/**
 * Another process takes the sessions over. Sometimes the new process dies at once, and the old
 * process continues.
 */
function upgrade(world: World, member: Member): void {
  world.upgrade(member);
  talk(world, member);
}

function attack(world: World): void {
  world.attack();
}

function randomKey(world: World): Uint8Array {
  return Uint8Array.from({ length: 32 }, () => world.below(256));
}

const EVENTS: readonly Event[] = [
  ...Array.from<Event>({ length: 12 }).fill(talk),
  ...Array.from<Event>({ length: 4 }).fill(changeWeather),
  ...Array.from<Event>({ length: 4 }).fill(attack),
  roam,
  forgetAndMeet,
  changePresharedKey,
  keepAlive,
  keepAlive,
  changeKey,
  rotateKey,
  takeLinkDown,
  suspend,
  changeClock,
  restart,
  upgrade,
  upgrade,
];
