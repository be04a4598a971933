import {
  accessSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, requirement } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { exchangeFiles } from '../src/index.ts';
import { linuxCalls } from './requirements.ts';

describeWith([linuxCalls], 'exchangeFiles', () => {
  test('gives each of two files the name of the other one', () => {
    const { one, other } = twoFiles();
    expect(exchangeFiles(one, other)).toBe(true);
    expect(readFileSync(one, 'utf8')).toBe('other');
    expect(readFileSync(other, 'utf8')).toBe('one');
  });

  test('fails if one of the files was deleted, and does not make it again', () => {
    const { folder, one, other } = twoFiles();
    rmSync(other);
    expect(() => exchangeFiles(one, other)).toThrow(
      expect.objectContaining({ name: 'SystemError', errno: 'ENOENT' }),
    );
    expect(readdirSync(folder)).toEqual(['one']);
  });
});

const sysfs = requirement('write to /sys/kernel', () => accessSync('/sys/kernel', constants.W_OK));

describeWith(
  [linuxCalls, sysfs],
  'exchangeFiles in a file system that cannot exchange names',
  () => {
    test('returns false', () => {
      expect(exchangeFiles('/sys/kernel/uevent_seqnum', '/sys/kernel/notes')).toBe(false);
    });
  },
);

function twoFiles(): { folder: string; one: string; other: string } {
  const folder = mkdtempSync(join(tmpdir(), 'litz-exchange-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [one, other] = [join(folder, 'one'), join(folder, 'other')];
  writeFileSync(one, 'one');
  writeFileSync(other, 'other');
  return { folder, one, other };
}
