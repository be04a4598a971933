import { describe, expect, it } from 'vitest';
import { readUser, type LookUp } from '../../src/rights/service-user.ts';

const LINES: Readonly<Record<string, string>> = {
  'passwd litz': 'litz:x:961:962:WireGuard:/:/usr/sbin/nologin',
  'passwd 961': '',
  'group net': 'net:x:970:alice,bob',
};
const lookUp: LookUp = (database, name) => LINES[`${database} ${name}`];
const read = (text: string): unknown => readUser(text, lookUp);

describe('readUser', () => {
  it('finds the user and its group, and takes no other groups', () => {
    expect(read('litz')).toEqual({ uid: 961, gid: 962, groups: [] });
    expect(read('litz:net')).toEqual({ uid: 961, gid: 970, groups: [] });
  });

  it('accepts numbers instead of names', () => {
    expect(read('1000:1001')).toEqual({ uid: 1000, gid: 1001, groups: [] });
    expect(read('litz:5')).toEqual({ uid: 961, gid: 5, groups: [] });
  });

  it.each([
    ['nobodyy', /^--user "nobodyy": this machine has no such user; make one: useradd --system/],
    [
      'litz:nett',
      /^--user "litz:nett": this machine has no such group; make one: groupadd --system/,
    ],
    ['1000', /^--user "1000": user 1000 has no entry in \/etc\/passwd: give a group too/],
    ['4294967295:1', /no such user/],
    ['-1:1', /no such user/],
  ])('refuses %s, and says what to do', (text, message) => {
    expect(() => read(text)).toThrow(
      expect.objectContaining({ exitCode: 1, message: expect.stringMatching(message) as string }),
    );
  });

  it.each(['', ':', 'litz:', ':net', 'a:b:c', 'a b'])(
    'refuses %j as a wrong command line',
    (text) => {
      expect(() => read(text)).toThrow(expect.objectContaining({ exitCode: 2 }));
    },
  );

  it('looks into the files of the system by default', () => {
    expect(readUser('root:0')).toEqual({ uid: 0, gid: 0, groups: [] });
    expect(() => readUser('no-such-user-of-litz')).toThrow(/no such user/);
  });
});
