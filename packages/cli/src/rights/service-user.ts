/**
 * `readUser`: reads the value of `--user`, NAME or NAME:GROUP, and finds the numbers of the user
 * and the group.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { quote } from '@litz/core/text';
import type { UserChange } from '@litz/sys';
import { Failure } from '../failure.ts';

/** Returns the line for a name, as in /etc/passwd or /etc/group; undefined: the name is unknown. */
export type LookUp = (database: 'passwd' | 'group', name: string) => string | undefined;

/**
 * Returns the user, without supplementary groups. NAME and GROUP may be numbers. Default of GROUP:
 * the group of the user.
 *
 * @throws {Failure} there is no such user or group; exit code 2: the text is not NAME or NAME:GROUP
 */
export function readUser(text: string, lookUp: LookUp = lookUpInSystem): UserChange {
  const [, name = '', group] = /^([^:\s]+)(?::([^:\s]+))?$/.exec(text) ?? [];
  if (name === '') {
    const message = `--user expected NAME or NAME:GROUP, got ${quote(text)}`;
    throw new Failure(message, { exitCode: 2 });
  }
  const [, , uidText, gidText] = lookUp('passwd', name)?.split(':') ?? [];
  const uid = numberOf(uidText ?? name);
  if (uid === undefined) {
    const advice = `this machine has no such user; make one: useradd --system --no-create-home ${name}`;
    throw new Failure(`--user ${quote(text)}: ${advice}`);
  }
  const gid = group === undefined ? numberOf(gidText ?? '') : gidOf(group, lookUp);
  if (gid !== undefined) return { uid, gid, groups: [] };
  const reason =
    group === undefined
      ? `user ${uid} has no entry in /etc/passwd: give a group too, --user ${name}:GROUP`
      : `this machine has no such group; make one: groupadd --system ${group}`;
  throw new Failure(`--user ${quote(text)}: ${reason}`);
}

function gidOf(group: string, lookUp: LookUp): number | undefined {
  const [, , gid] = lookUp('group', group)?.split(':') ?? [];
  return numberOf(gid ?? group);
}

function numberOf(text: string): number | undefined {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : LARGEST_ID + 1;
  return number <= LARGEST_ID ? number : undefined;
}

/**
 * Reads the file in /etc first, because getent may be missing. Then asks getent, which also knows
 * users of LDAP and systemd.
 */
function lookUpInSystem(database: 'passwd' | 'group', name: string): string | undefined {
  const found = readText(`/etc/${database}`)
    .split('\n')
    .find((line) => line.startsWith(`${name}:`));
  if (found !== undefined || name.startsWith('-')) return found;
  try {
    const text = execFileSync('getent', [database, name], {
      encoding: 'utf8',
      timeout: 5000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.split('\n')[0];
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The largest number that setuid(2) accepts; the next one means "no change". */
const LARGEST_ID = 0xffff_fffe;
