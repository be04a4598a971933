import { parseAddress, parseCidr } from '@litz/core';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DesiredHost, MeshRequest } from '../../src/plan/desired-host.ts';
import { desireHost } from '../../src/plan/desire-host.ts';
import { meshRoute } from '../../src/plan/mesh-route.ts';
import { plan, planRoutes, routeMap } from '../../src/plan/plan.ts';
import { describeStep } from '../../src/plan/step.ts';
import { peer, prefixesOf, request } from '../requests.ts';
import { isIn, isRemote, SimulatedMachine } from './simulated-machine.ts';

describe('plan', () => {
  test('goes from nothing to enforce: first filters and interface, then routes and rules, then the ruleset', () => {
    const steps = plan(desireHost(request()), new SimulatedMachine([])).map(({ type }) => type);

    expect(steps.filter((type, i) => type !== steps[i - 1])).toEqual([
      'loosen-filter',
      'prepare-link',
      'set-mtu',
      'add-address',
      'set-up',
      'set-route',
      'add-rule',
      'load-ruleset',
    ]);
  });

  test('removes the backstop before the routes into the tunnel', () => {
    const machine = machineOf(request());
    const off = desireHost(request({ enforcement: 'off' }));

    expect(
      plan(off, machine)
        .map(({ type }) => type)
        .filter(isFirstOf()),
    ).toEqual(['set-mtu', 'remove-ruleset', 'delete-rule', 'delete-route', 'restore-filter']);
  });

  test('removes the address of the interface only when the mesh is removed from the machine', () => {
    const gone = { ...desireHost(request({ enforcement: 'off' })), link: undefined };

    expect(
      plan(gone, machineOf(request()))
        .map(({ type }) => type)
        .filter(isFirstOf()),
    ).toEqual([
      'remove-ruleset',
      'delete-rule',
      'delete-route',
      'delete-address',
      'restore-filter',
    ]);
  });

  test('does nothing if the states are equal', () => {
    expect(plan(desireHost(request()), machineOf(request()))).toEqual([]);
  });

  test('changes only the routes of a peer whose prefixes have changed', () => {
    const before = request();
    const machine = machineOf(before);
    const peers = [before.peers[0], peer(3, { prefixes: [parseCidr('10.244.30.0/24')] })];

    expect(plan(desireHost({ ...before, peers }), machine).map(describeStep)).toEqual([
      'set route 10.244.30.0/24 metric 0 through the tunnel src 10.244.1.0',
      'delete route 10.244.3.0/24 metric 0 through the tunnel src 10.244.1.0',
      'delete route fd44:0:0:3::/64 metric 1024 through the tunnel src fd44:0:0:1::',
    ]);
  });

  test('adds routes into the tunnel only when its interface exists', () => {
    const desired = desireHost(request());
    const machine = new SimulatedMachine([], { withLink: false });
    run(desired, machine);

    expect([...machine.routes.values()].some(({ type }) => type === 'unicast')).toBe(false);
    expect(plan(desired, machine)).toEqual([]);
    expect(machine.wayOf(parseAddress('10.244.2.5'))).toBe('refused');
  });

  test('deletes foreign routes of the mesh table while the mesh uses the table, and only then', () => {
    const machine = machineOf(request());
    const route = meshRoute('unicast', parseCidr('10.244.2.128/25'));
    machine.routes.set(route.key, { ...route, text: 'via eth0', foreign: true });

    expect(plan(desireHost(request()), machine).map(describeStep)).toEqual([
      'delete route via eth0',
    ]);
    const off = plan(desireHost(request({ enforcement: 'off' })), machine).map(describeStep);
    expect(off).not.toContain('delete route via eth0');
  });

  test('gives the same steps if `planRoutes` compares only the routes that may differ', () => {
    const before = request();
    const desired = desireHost({ ...before, peers: [before.peers[0], peer(4)] });
    const machine = machineOf(before);
    const suspects = [...peer(3).prefixes, ...peer(4).prefixes].map(
      (prefix) => meshRoute('unicast', prefix).key,
    );
    const few = <T>(map: ReadonlyMap<string, T>): Map<string, T> =>
      new Map([...map].filter(([key]) => suspects.includes(key)));

    expect(
      planRoutes(
        desired,
        few(routeMap(desired.routes)),
        Object.assign(Object.create(machine), {
          routes: few(machine.routes),
        }) as SimulatedMachine,
      ),
    ).toEqual(plan(desired, machine));
  });

  test('reaches the desired state from any other state, and then plans no step', () => {
    fc.assert(
      fc.property(requests(), requests(), fc.boolean(), (first, second, withLink) => {
        const machine = machineOf(first, second);
        if (!withLink) machine.loseLink();
        const desired = desireHost(second);
        run(desired, machine);

        expect(plan(desired, machine)).toEqual([]);
      }),
    );
  });

  test('lets no plaintext out at any step between two enforcing states', () => {
    fc.assert(
      fc.property(
        requests('enforce'),
        requests('enforce'),
        fc.boolean(),
        (first, second, loses) => {
          const machine = machineOf(first, second);
          if (loses) machine.loseLink();
          const covered = PROBES.filter(
            (probe) => isRemote(probe, first) && isRemote(probe, second),
          );
          everyStep(desireHost(second), machine, () => {
            for (const probe of covered) expect(machine.wayOf(probe)).not.toBe('main');
          });
        },
      ),
    );
  });

  test('keeps the routes into the tunnel for every peer that remains', () => {
    fc.assert(
      fc.property(requests(), requests(), (first, second) => {
        fc.pre(first.enforcement !== 'off' && second.enforcement !== 'off');
        const machine = machineOf(first, second);
        const stays = PROBES.filter((probe) =>
          [first, second].every((one) => isRouted(probe, one)),
        );
        everyStep(desireHost(second), machine, () => {
          for (const probe of stays) expect(machine.wayOf(probe)).toBe('tunnel');
        });
      }),
    );
  });

  test('never refuses a destination that is reachable both before and after the change', () => {
    fc.assert(
      fc.property(requests(), requests(), (first, other) => {
        const second = { ...other, own: first.own };
        const machine = machineOf(first, second);
        const wanted = PROBES.filter(
          (probe) =>
            (isIn(probe, second.own.prefixes) || isRouted(probe, second)) &&
            machine.wayOf(probe) !== 'refused',
        );
        everyStep(desireHost(second), machine, () => {
          for (const probe of wanted) expect(machine.wayOf(probe)).not.toBe('refused');
        });
      }),
    );
  });

  test('leaves packets to the own pods to the main table', () => {
    fc.assert(
      fc.property(requests(), requests(), (first, second) => {
        const machine = machineOf(first, second);
        const own = PROBES.filter((probe) =>
          [first, second].every((one) => isIn(probe, one.own.prefixes)),
        );
        everyStep(desireHost(second), machine, () => {
          for (const probe of own) expect(machine.wayOf(probe)).toBe('main');
        });
      }),
    );
  });
});

/** One address of each prefix that a node may have. */
const PROBES = [1, 2, 3, 4, 5].flatMap((number) => [
  parseAddress(`10.244.${number}.5`),
  parseAddress(`fd44:0:0:${number}::5`),
]);

function isRouted(probe: Uint8Array, { peers, answered, enforcement }: MeshRequest): boolean {
  return peers.some(
    ({ name, prefixes }) =>
      isIn(probe, prefixes) && (enforcement === 'enforce' || answered.has(name)),
  );
}

/** Requests with node 1 or 2 as the own node, and some of the nodes 1 to 5 as peers. */
function requests(enforcement?: 'enforce'): fc.Arbitrary<MeshRequest> {
  return fc
    .record({
      own: fc.integer({ min: 1, max: 2 }),
      others: fc.subarray([1, 2, 3, 4, 5]),
      answered: fc.subarray([1, 2, 3, 4, 5]),
      mode: fc.constantFrom('pods', 'nodes', 'all'),
      enforcement: enforcement
        ? fc.constant(enforcement)
        : fc.constantFrom('off', 'permissive', 'enforce'),
      wide: fc.boolean(),
      links: fc.subarray(['eth0', 'eth1']),
      mtu: fc.constantFrom(1500, 9000),
      encryptsNode: fc.boolean(),
      registry: fc.boolean(),
    } as const)
    .map(({ own, others, answered, mode, enforcement, wide, links, mtu, encryptsNode, registry }) =>
      request({
        mode,
        enforcement,
        own: { ...request().own, prefixes: prefixesOf(own), encryptsNode },
        peers: others.filter((number) => number !== own).map((number) => peer(number)),
        answered: new Set(answered.map((number) => `node-${number}`)),
        clusterPrefixes: wide
          ? [parseCidr('10.244.0.0/16'), parseCidr('fd44::/48')]
          : [parseCidr('10.244.0.0/22'), parseCidr('fd44::/62')],
        underlay: { mtu, links, podLinks: links },
        registryAddresses: registry ? [{ address: '192.168.50.12', port: 6443 }] : [],
      }),
    );
}

/** Returns a machine after `first` was applied. It knows the rulesets of both requests. */
function machineOf(first: MeshRequest, second: MeshRequest = first): SimulatedMachine {
  const made = [first, second].map((request) => ({ request, desired: desireHost(request) }));
  const machine = new SimulatedMachine(made);
  run(made[0].desired, machine);
  return machine;
}

function run(desired: DesiredHost, machine: SimulatedMachine): void {
  for (const step of plan(desired, machine)) machine.do(step);
}

function everyStep(desired: DesiredHost, machine: SimulatedMachine, check: () => void): void {
  check();
  for (const step of plan(desired, machine)) {
    machine.do(step);
    check();
  }
}

function isFirstOf(): (type: string, i: number, all: readonly string[]) => boolean {
  return (type, i, all) => type !== all[i - 1];
}
