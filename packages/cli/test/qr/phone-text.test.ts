import { describe, expect, test } from 'vitest';
import { phoneText } from '../../src/qr/phone-text.ts';

describe('phoneText', () => {
  test('keeps the fields that the apps read, and lists each omitted field once', () => {
    const file = [
      '# my phone',
      '[Interface]',
      'PrivateKey = K=  # secret',
      'PostUp = echo a',
      'PostUp = echo b',
      'Table=off',
      '',
      '[Peer]',
      '  AllowedIPs = 0.0.0.0/0, ::/0',
    ].join('\n');
    expect(phoneText(file)).toEqual({
      text: '[Interface]\nPrivateKey = K=\n[Peer]\nAllowedIPs = 0.0.0.0/0, ::/0\n',
      leftOut: ['PostUp', 'Table'],
    });
  });
});
