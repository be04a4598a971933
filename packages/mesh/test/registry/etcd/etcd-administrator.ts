/**
 * What an administrator does to an etcd past Litz, by etcd's own gateway: JSON over HTTP. It knows no
 * client certificates, so it is for plain connections.
 *
 * @module
 */

export interface StoredKey {
  readonly value: string;
  readonly modRevision: string;
  readonly version: string;
  /** `0`: none. */
  readonly lease: string;
}

export class EtcdAdministrator {
  readonly #origin: string;
  #token = '';

  constructor(port: number) {
    this.#origin = `http://127.0.0.1:${port}`;
  }

  async read(key: string): Promise<StoredKey | undefined> {
    const { kvs } = await this.send('kv/range', { key: base64(key) });
    const found = kvs?.[0];
    return (
      found && {
        value: Buffer.from(found.value ?? '', 'base64').toString('utf8'),
        modRevision: found.mod_revision,
        version: found.version,
        lease: found.lease ?? '0',
      }
    );
  }

  /** Without a lease, unless one is named. */
  async put(key: string, value: string, lease = '0'): Promise<void> {
    await this.send('kv/put', { key: base64(key), value: base64(value), lease });
  }

  async delete(key: string): Promise<void> {
    await this.send('kv/deleterange', { key: base64(key) });
  }

  async deleteAll(): Promise<void> {
    await this.send('kv/deleterange', { key: 'AA==', range_end: 'AA==' });
  }

  async revokeLease(id: string): Promise<void> {
    await this.send('lease/revoke', { ID: id });
  }

  /** All revisions before the newest one are forgotten. */
  async compact(): Promise<void> {
    const { header } = await this.send('kv/range', { key: base64('x') });
    await this.send('kv/compaction', { revision: header.revision, physical: true });
  }

  /** Users from now on: `root`, and `litz` with the rights to that prefix. */
  async enableUsers(
    prefix: string,
    end: string,
    passwords: { root: string; litz: string },
  ): Promise<void> {
    for (const name of ['root', 'litz', 'nobody']) {
      const password = name === 'root' ? passwords.root : passwords.litz;
      await this.send('auth/user/add', { name, password });
    }
    await this.send('auth/role/add', { name: 'root' });
    await this.send('auth/user/grant', { user: 'root', role: 'root' });
    await this.send('auth/role/add', { name: 'records' });
    const perm = { permType: 'READWRITE', key: base64(prefix), range_end: base64(end) };
    await this.send('auth/role/grant', { name: 'records', perm });
    await this.send('auth/user/grant', { user: 'litz', role: 'records' });
    await this.send('auth/enable', {});
    const { token } = await this.send('auth/authenticate', {
      name: 'root',
      password: passwords.root,
    });
    this.#token = token;
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- whatever etcd answers
  async send(call: string, body: object): Promise<any> {
    const response = await fetch(`${this.#origin}/v3/${call}`, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
      headers: this.#token === '' ? {} : { authorization: this.#token },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${call}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
