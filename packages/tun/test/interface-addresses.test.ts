import { formatCidr, parseCidr } from '@litz/core';
import { describe, expect, it } from 'vitest';
import { addressText, replaceAddresses } from '../src/interface-addresses.ts';

const LINK_LOCAL_SCOPE = 253;

describe('addressText', () => {
  it('returns the first global address of the family', () => {
    const device = deviceWith(
      ['fe80::1/64', LINK_LOCAL_SCOPE],
      ['fd00::1/64', 0],
      ['10.0.0.1/8', 0],
    );
    expect(addressText(device, 6)).toBe('fd00::1/64');
    expect(addressText(device, 4)).toBe('10.0.0.1/8');
  });

  it('returns the link-local address if the family has no other, and undefined if it has none', () => {
    const device = deviceWith(['fe80::1/64', LINK_LOCAL_SCOPE]);
    expect([addressText(device, 6), addressText(device, 4)]).toEqual(['fe80::1/64', undefined]);
  });
});

describe('replaceAddresses', () => {
  it('replaces the global addresses of one family only', () => {
    const device = deviceWith(
      ['fe80::1/64', LINK_LOCAL_SCOPE],
      ['fd00::1/64', 0],
      ['fd00::2/64', 0],
      ['10.0.0.1/8', 0],
    );
    replaceAddresses(device, 6, parseCidr('fd00::9/64'));
    expect(device.texts()).toEqual(['fe80::1/64', '10.0.0.1/8', 'fd00::9/64']);
    replaceAddresses(device, 4, undefined);
    expect(device.texts()).toEqual(['fe80::1/64', 'fd00::9/64']);
  });

  it('adds an IPv6 address without duplicate address detection', () => {
    const device = deviceWith();
    replaceAddresses(device, 6, parseCidr('fd00::9/64'));
    replaceAddresses(device, 4, parseCidr('10.0.0.1/8'));
    expect(device.options).toEqual([{ noDad: true }, {}]);
  });
});

type Device = Parameters<typeof replaceAddresses>[0];

/** A device with these addresses: text and scope. */
function deviceWith(...initial: [text: string, scope: number][]): Device & {
  texts: () => string[];
  options: unknown[];
} {
  let assigned = initial.map(([text, scope]) => ({ ...parseCidr(text), text, scope }));
  const options: unknown[] = [];
  return {
    options,
    texts: () => assigned.map(({ text }) => text),
    addresses: () => assigned as never,
    deleteAddress: (address) => void (assigned = assigned.filter((other) => other !== address)),
    addAddress(address, option) {
      assigned.push({ ...address, text: formatCidr(address), scope: 0 });
      options.push(option);
    },
  };
}
