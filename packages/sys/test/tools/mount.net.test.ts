import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describeWith } from '@litz/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { builtSys, runInProcess } from '../built.ts';
import { linuxCalls, namespaces } from '../requirements.ts';

describeWith([linuxCalls, namespaces, builtSys], 'bindMount', () => {
  test('shows a file in place of another one, but not to other processes', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'litz-mount-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const [own, other] = [join(directory, 'own'), join(directory, 'other')];
    writeFileSync(own, 'own');
    writeFileSync(other, 'other');

    const child = runInProcess(`
      const { readFileSync } = await import('node:fs');
      const [own, other] = ${JSON.stringify([own, other])};
      const read = () => readFileSync(own, 'utf8');
      sys.enterPrivateMounts();
      sys.bindMount(other, own);
      const mounted = read();
      sys.unmount(own);
      console.log(mounted, read());
    `);

    expect((await text(child.stdout)).trim()).toBe('other own');
    expect(readFileSync(own, 'utf8')).toBe('own');
  });
});
