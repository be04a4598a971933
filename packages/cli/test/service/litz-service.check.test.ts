import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith, programRequirement } from '@litz/testkit';
import { describe, expect, it } from 'vitest';

const FOLDER = fileURLToPath(new URL('../../service', import.meta.url));
const systemd = programRequirement('systemd-analyze');

describeWith([systemd], 'litz@.service', () => {
  it('has an exposure of at most 2.0 of 10, as systemd-analyze rates it', () => {
    const analysis = execFileSync(
      'systemd-analyze',
      ['security', '--offline=true', '--threshold=20', './litz@.service'],
      { cwd: FOLDER, encoding: 'utf8' },
    );
    expect(analysis).toMatch(/Overall exposure level for litz@\S+: [0-2]\.\d OK/);
  });
});

describe('the service files', () => {
  it('start litz with the expected words', () => {
    expect(read('litz@.service')).toMatch(/^ExecStart=litz -f %i$/m);
    expect(read('litz-up@.service')).toMatch(/^ExecStart=litz up %i$/m);
    expect(read('litz.openrc')).toMatch(/command_args="-f --user \$litz_user \$interface"/);
  });

  it('name the same user in litz@.service and in sysusers.conf', () => {
    const [, user] = /^User=(.*)$/m.exec(readFileSync(join(FOLDER, 'litz@.service'), 'utf8')) ?? [];
    expect(readFileSync(join(FOLDER, 'sysusers.conf'), 'utf8')).toMatch(
      new RegExp(`^u ${user} - `, 'm'),
    );
  });

  it('have valid shell code for OpenRC', () => {
    expect(() => execFileSync('sh', ['-n', join(FOLDER, 'litz.openrc')])).not.toThrow();
  });
});

function read(name: string): string {
  return readFileSync(join(FOLDER, name), 'utf8');
}
