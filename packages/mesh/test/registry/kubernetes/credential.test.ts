import { describe, expect, test } from 'vitest';
import { FileCredential, inlineCredential } from '../../../src/registry/kubernetes/credential.ts';
import { ManualClock } from '../../manual-clock.ts';

describe('FileCredential', () => {
  test('reads the file again after a minute, and not before', () => {
    const clock = new ManualClock();
    let reads = 0;
    const token = new FileCredential('/token', clock, () => `token ${++reads}`);
    expect([token.text(), token.text()]).toEqual(['token 1', 'token 1']);
    clock.advance(59_999);
    expect(token.text()).toBe('token 1');
    clock.advance(1);
    expect(token.text()).toBe('token 2');
  });

  test('reads the file again at once when the server refused the token', () => {
    let reads = 0;
    const token = new FileCredential('/token', new ManualClock(), () => `token ${++reads}`);
    token.text();
    token.forget();
    expect(token.text()).toBe('token 2');
  });

  test('names the file that it cannot read', () => {
    const token = new FileCredential('/nowhere/token', new ManualClock());
    expect(() => token.text()).toThrow('/nowhere/token cannot be read: ENOENT');
  });
});

describe('inlineCredential', () => {
  test('always returns the same text', () => {
    const token = inlineCredential('secret', 'token of user a');
    token.forget();
    expect([token.text(), token.source]).toEqual(['secret', 'token of user a']);
  });
});
