import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeyStore } from '../../src/keys/key-store.ts';
import { MOST_GENERATION } from '../../src/record/node-record.ts';

const posix = process.platform === 'win32' ? describe.skip : describe;
let parent: string;
let folder: string;
let store: KeyStore;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'litz-keys-'));
  folder = join(parent, 'state');
  store = new KeyStore({ folder, interfaceName: 'litz0', now: () => 1_700_000_000_500 });
});

afterEach(() => rmSync(parent, { recursive: true }));

posix('KeyStore', () => {
  it('has no key before one is created, and does not create one by reading', () => {
    expect(store.read()).toEqual([]);
    expect(readdirSync(parent)).toEqual([]);
  });

  it('creates a key that only its owner can read, and finds it again', () => {
    const made = store.create(1);
    expect(made).toMatchObject({ generation: 1, createdAt: 1_700_000_000_500 });
    const path = join(folder, 'litz0.1.key');
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
    expect(lstatSync(folder).mode & 0o777).toBe(0o700);
    expect(readFileSync(path, 'utf8')).toBe(`${made.privateKey.toBase64()}\n`);
    expect(readdirSync(folder)).toEqual(['litz0.1.key']);
    expect(store.read()).toEqual([made]);
  });

  it('returns the older generation first, and only keys of its own interface', () => {
    store.create(10);
    store.create(9);
    new KeyStore({ folder, interfaceName: 'litz0.1' }).create(2);
    new KeyStore({ folder, interfaceName: 'litz' }).create(3);
    writeFileSync(join(folder, 'litz0.9.key.77.new'), 'half');
    expect(store.read().map(({ generation }) => generation)).toEqual([9, 10]);
  });

  it('never overwrites a key with a new one', () => {
    store.create(1);
    expect(() => store.create(1)).toThrow('litz0.1.key: already exists');
    store.create(2);
    expect(() => store.raise(1, 2)).toThrow('already exists');
  });

  it('refuses a generation above the greatest allowed one', () => {
    const made = store.create(1);
    for (const generation of [MOST_GENERATION + 1, 2 ** 53]) {
      expect(() => store.raise(1, generation)).toThrow('above 1000000000, the highest one');
      expect(() => store.create(generation)).toThrow('above 1000000000, the highest one');
    }
    store.raise(1, MOST_GENERATION);
    expect(store.read()).toMatchObject([
      { generation: MOST_GENERATION, publicKey: made.publicKey },
    ]);
  });

  it('refuses a pipe, and does not wait for it', () => {
    store.create(2);
    execFileSync('mkfifo', ['-m', '600', join(folder, 'litz0.1.key')]);
    expect(() => store.read()).toThrow('litz0.1.key: is not a regular file');
  });

  it('raises the generation of one key, and removes another key', () => {
    const { publicKey } = store.create(1);
    store.create(2);
    store.raise(1, 5);
    store.remove(2);
    store.remove(2);
    expect(store.read()).toMatchObject([{ generation: 5, publicKey }]);
  });

  it.each([
    ['empty', '', 'got 0 bytes'],
    ['raw bytes', Buffer.alloc(32, 7), '32 raw bytes, as Cilium stores them'],
    ['a long text', `${'A'.repeat(43)}=\nx`, 'got 46 bytes'],
    ['no base64', '!'.repeat(44), 'is not a private key in base64'],
    ['a key of zeros', `${'A'.repeat(43)}=\n`, 'is not a private key in base64'],
  ])('refuses a file that is %s, and leaves it as it is', (_, content, reason) => {
    store.create(1);
    const path = join(folder, 'litz0.1.key');
    writeFileSync(path, content);
    expect(() => store.read()).toThrow(`${path}: `);
    expect(() => store.read()).toThrow(reason);
    expect(() => store.read()).toThrow('the other nodes know this node by this key');
    expect(readFileSync(path)).toEqual(Buffer.from(content));
  });

  it('prints no part of a file that is not a valid key', () => {
    const { privateKey } = store.create(1);
    const text = privateKey.toBase64();
    writeFileSync(join(folder, 'litz0.1.key'), `${text}${text}`);
    const message = (() => {
      try {
        store.read();
        return 'read without an error';
      } catch (error) {
        return String(error);
      }
    })();
    expect(message).toContain('got 88 bytes');
    expect(message).not.toContain(text.slice(0, 8));
  });

  it('refuses a key that other users may read, a link, and a folder that other users may write to', () => {
    store.create(1);
    const path = join(folder, 'litz0.1.key');
    chmodSync(path, 0o640);
    expect(() => store.read()).toThrow('has mode 0640, so other users may read the key: chmod 600');
    chmodSync(path, 0o600);
    symlinkSync(path, join(folder, 'litz0.2.key'));
    expect(() => store.read()).toThrow('litz0.2.key: cannot be read: is a symbolic link');
    rmSync(join(folder, 'litz0.2.key'));
    chmodSync(folder, 0o777);
    expect(() => store.read()).toThrow('mode 0777');
    expect(() => store.create(3)).toThrow('mode 0777');
    chmodSync(folder, 0o700);
  });

  it('reports which file cannot be written', () => {
    writeFileSync(folder, '');
    expect(() => store.create(1)).toThrow(
      'litz0.1.key: cannot be written: the path exists, but it is not a directory',
    );
  });
});
