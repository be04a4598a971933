import { describe, expect, it } from 'vitest';
import { ipv4Mtu, tunnelMtu } from '../../src/plan/tunnel-mtu.ts';

describe('tunnelMtu', () => {
  it.each([
    [{ underlay: 1500, outerIpv4: true }, { hasIpv6: true }, 1440],
    [{ underlay: 1500, outerIpv4: false }, { hasIpv6: true }, 1420],
    [{ underlay: undefined, outerIpv4: false }, { hasIpv6: true }, 1420],
    [{ underlay: 1280, outerIpv4: true }, { hasIpv6: true }, 1280],
    [{ underlay: 1280, outerIpv4: true }, { hasIpv6: false }, 1220],
    [{ underlay: 500, outerIpv4: true }, { hasIpv6: false }, 576],
    [{ underlay: 65_535, outerIpv4: true }, { hasIpv6: false }, 65_456],
  ])('with %j and %j is %i', (input, families, mtu) => {
    expect(tunnelMtu(input, families)).toBe(mtu);
  });
});

describe('ipv4Mtu', () => {
  it.each([
    [{ underlay: 1340, outerIpv4: true }, undefined],
    [{ underlay: 1339, outerIpv4: true }, 1264],
    [{ underlay: 1359, outerIpv4: false }, 1264],
    [{ underlay: 500, outerIpv4: true }, 576],
    [{ underlay: undefined, outerIpv4: true }, undefined],
  ])('with %j is %s', (input, mtu) => {
    expect(ipv4Mtu(input, { hasIpv6: true })).toBe(mtu);
    expect(ipv4Mtu(input, { hasIpv6: false })).toBeUndefined();
  });
});
