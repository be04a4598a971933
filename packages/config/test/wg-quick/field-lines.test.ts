import { formatKey } from '@litz/core';
import { describe, expect, test } from 'vitest';
import { fieldLines, formatConfig, parseConfig } from '../../src/index.ts';
import { publicKey } from '../keys.ts';

describe('fieldLines', () => {
  test('finds each line of a field in the given section, and no line of another section', () => {
    const config = parseConfig(TEXT);
    expect(fieldLines(config, config.interface, 'Address')).toEqual([
      { line: 3, value: '10.0.0.1/24' },
      { line: 5, value: 'fd00::1/64, fd01::1/64' },
    ]);
    expect(fieldLines(config, config.peers[1], 'allowedips')).toEqual([
      { line: 13, value: '10.0.0.3/32' },
    ]);
  });

  test('finds no line for a field that is only in a comment', () => {
    const config = parseConfig(TEXT);
    expect(fieldLines(config, config.interface, 'MTU')).toEqual([]);
  });

  test('finds no line for a section of another config', () => {
    const config = parseConfig(TEXT);
    expect(fieldLines(config, { ...config.interface }, 'Address')).toEqual([]);
    expect(fieldLines(structuredClone(config), config.interface, 'Address')).toEqual([]);
  });

  test('returns line numbers that are right in the text that formatConfig returns', () => {
    const config = parseConfig(TEXT);
    const lines = formatConfig(config).split('\n');
    const [first] = fieldLines(config, config.peers[0], 'PublicKey');
    expect(lines[first.line - 1]).toMatch(/^PublicKey/);
  });
});

const TEXT = `# home
[Interface]
address = 10.0.0.1/24 # ours
# MTU = 1300
Address = fd00::1/64, fd01::1/64

# laptop
[Peer]
PublicKey = ${formatKey(publicKey(1))}
AllowedIPs = 10.0.0.2/32
[Peer]
PublicKey = ${formatKey(publicKey(2))}
AllowedIPs = 10.0.0.3/32
`;
