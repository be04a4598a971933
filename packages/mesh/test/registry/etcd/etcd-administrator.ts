/**
 * Changes an etcd as an administrator does, without Litz: by etcd's own gateway, JSON over HTTP.
 * The gateway accepts no client certificate with a common name, so the connections are without TLS.
 *
 * @module
 */

export interface StoredKey {
  readonly value: string;
  readonly modRevision: string;
  readonly version: string;
  /** The ID of the lease; `0`: none. */
  readonly lease: string;
}

export interface EtcdRight {
  readonly prefix: string;
  readonly right: 'READ' | 'WRITE' | 'READWRITE';
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

  /** Writes a key, by default without a lease. */
  async put(key: string, value: string | Buffer, lease = '0'): Promise<void> {
    await this.send('kv/put', { key: base64(key), value: base64(value), lease });
  }

  /** Writes many keys. */
  async putAll(
    entries: readonly (readonly [key: string, value: string | Buffer])[],
  ): Promise<void> {
    // etcd accepts at most 128 operations in one transaction.
    for (let i = 0; i < entries.length; i += 100) {
      const success = entries.slice(i, i + 100).map(([key, value]) => ({
        requestPut: { key: base64(key), value: base64(value) },
      }));
      await this.send('kv/txn', { success });
    }
  }

  async delete(key: string): Promise<void> {
    await this.send('kv/deleterange', { key: base64(key) });
  }

  /** Deletes all keys that begin with the prefix. */
  async deletePrefix(prefix: string): Promise<void> {
    await this.send('kv/deleterange', { key: base64(prefix), range_end: base64(endOf(prefix)) });
  }

  async deleteAll(): Promise<void> {
    await this.send('kv/deleterange', { key: 'AA==', range_end: 'AA==' });
  }

  async revokeLease(id: string): Promise<void> {
    await this.send('lease/revoke', { ID: id });
  }

  /** Compacts etcd: it forgets all revisions before the newest one. */
  async compact(): Promise<void> {
    const { header } = await this.send('kv/range', { key: base64('x') });
    await this.send('kv/compaction', { revision: header.revision, physical: true });
  }

  /** Creates a user whose role has this right to all keys with the prefix. */
  async addUser(name: string, password: string, { prefix, right }: EtcdRight): Promise<void> {
    await this.send('auth/user/add', { name, password });
    await this.send('auth/role/add', { name });
    await this.allow(name, { prefix, right });
    await this.send('auth/user/grant', { user: name, role: name });
  }

  async allow(role: string, { prefix, right }: EtcdRight): Promise<void> {
    const perm = { permType: right, key: base64(prefix), range_end: base64(endOf(prefix)) };
    await this.send('auth/role/grant', { name: role, perm });
  }

  async changePassword(name: string, password: string): Promise<void> {
    await this.send('auth/user/changepw', { name, password });
  }

  /** Enables authentication: each request then needs a user. This administrator is `root`. */
  async enableUsers(): Promise<void> {
    await this.send('auth/user/add', { name: 'root', password: ROOT_PASSWORD });
    await this.send('auth/role/add', { name: 'root' });
    await this.send('auth/user/grant', { user: 'root', role: 'root' });
    await this.send('auth/enable', {});
    await this.logIn();
  }

  /** Logs in again after the token has expired. */
  async logIn(): Promise<void> {
    this.#token = '';
    const user = { name: 'root', password: ROOT_PASSWORD };
    this.#token = (await this.send('auth/authenticate', user)).token;
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

/** Returns the first key after all keys that begin with the prefix. */
function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
}

function base64(text: string | Buffer): string {
  return Buffer.from(text).toString('base64');
}

const ROOT_PASSWORD = 'of root';
