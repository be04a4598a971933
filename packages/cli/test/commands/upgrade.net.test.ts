/** Tests what `litz upgrade` prints. The tests of the hand-over itself are in `test/upgrade`. */
import { existsSync } from 'node:fs';
import { describeWith } from '@litz/testkit';
import { expect, it } from 'vitest';
import { runUpgrade } from '../../src/commands/upgrade.ts';
import { ControlServer } from '../../src/tunnel/control.ts';
import { daemonFolder, removeDaemonFolder } from '../../src/upgrade/daemon-folder.ts';
import { uniqueName } from '../host.ts';
import { realInterfaces } from '../litz-process.ts';

describeWith(realInterfaces, 'runUpgrade', () => {
  it('prints no control characters, because the daemon may belong to another user', async () => {
    const name = uniqueName('u');
    const server = await ControlServer.listen(
      name,
      async (_request, say) => say('done \u001b[2J'),
      daemonFolder(name),
    );
    try {
      const lines: string[] = [];
      await runUpgrade(name, (line) => lines.push(line));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/^done /);
      expect(lines[0]).not.toContain('\u001b');
    } finally {
      await server.close();
      removeDaemonFolder(name);
    }
    expect(existsSync(daemonFolder(name))).toBe(false);
    await expect(runUpgrade(name, () => {})).rejects.toThrow(/there is no daemon/);
  });
});
