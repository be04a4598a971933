import { describe, expect, test } from 'vitest';
import { missingRequirements, programRequirement, requirement } from '../src/index.ts';

describe('requirement', () => {
  test.each([
    ['nothing', () => {}],
    ['true', () => true],
  ])('is present if its probe returns %s', (_, probe) => {
    expect(requirement('it', probe).missing()).toBeUndefined();
  });

  test.each([
    ['false', () => false, 'not available'],
    ['the reason', () => 'no such thing', 'no such thing'],
  ])('is missing if its probe returns %s', (_, probe, reason) => {
    expect(requirement('it', probe).missing()).toBe(reason);
  });

  test('is missing with the message of the error that its probe throws', () => {
    const broken = requirement('it', () => {
      throw new Error('refused');
    });

    expect(broken.missing()).toBe('refused');
  });

  test('is probed once', () => {
    let probes = 0;
    const counted = requirement('it', () => void probes++);

    counted.missing();
    counted.missing();

    expect(probes).toBe(1);
  });
});

describe('programRequirement', () => {
  test('is present for a program that can be started', () => {
    expect(programRequirement(process.execPath).missing()).toBeUndefined();
  });

  test('is missing for a program that cannot be started', () => {
    expect(programRequirement('no-such-program-of-litz').missing()).toMatch(/ENOENT/);
  });
});

describe('missingRequirements', () => {
  test('names missing requirements, with their reasons', () => {
    const there = requirement('one', () => true);
    const missing = requirement('two', () => 'not here');

    expect(missingRequirements([there, missing])).toEqual(['two is missing (not here)']);
  });
});
