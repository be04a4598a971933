/**
 * `countWrites`: counts the writes to a registry. In etcd it reads the revision. In Kubernetes it
 * watches the records.
 *
 * @module
 */
import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeApi, KubeResource } from '@litz/mesh';
import { openKubeApi, type RegistryPlace } from './registry-place.ts';

/** The counter. Only the difference of two values has a meaning. */
export interface WriteCounter {
  count(): Promise<number>;
  close(): void;
}

/** Returns a counter for the registry. The caller closes it. */
export async function countWrites(place: RegistryPlace): Promise<WriteCounter> {
  if (place.type === 'etcd') {
    return { count: () => etcdRevision(place.url), close: () => {} };
  }
  return KubeWrites.open(openKubeApi(place.kubeconfig));
}

/** Returns the revision of etcd. Each write increases it; keeping a lease alive does not. */
async function etcdRevision(url: string): Promise<number> {
  const path = '/v3/kv/range';
  const body = JSON.stringify({ key: Buffer.from('litz/').toString('base64') });
  const answer = await post(`${url.replace(/^etcd:/, 'http:')}${path}`, body);
  const { header } = JSON.parse(answer) as { header?: { revision?: string } };
  return Number(header?.revision ?? 0);
}

function post(url: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve(text)).on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Counts only writes of records, because the API server also writes objects of its own. */
class KubeWrites implements WriteCounter {
  readonly #api: KubeApi;
  readonly #stop = new AbortController();
  #writes = 0;

  static async open(api: KubeApi): Promise<KubeWrites> {
    let resourceVersion = '';
    for await (const page of api.list(LITZ_NODES)) ({ resourceVersion } = page);
    const writes = new KubeWrites(api);
    const { signal } = writes.#stop;
    const options = { resourceVersion, timeoutSeconds: 3600 };
    void writes.#follow(await api.watch(LITZ_NODES, options, signal));
    return writes;
  }

  private constructor(api: KubeApi) {
    this.#api = api;
  }

  async count(): Promise<number> {
    // The server reports a write a moment after it has answered.
    await pause(REPORT_MS);
    return this.#writes;
  }

  close(): void {
    this.#stop.abort();
    this.#api.close();
  }

  async #follow(events: Awaited<ReturnType<KubeApi['watch']>>): Promise<void> {
    try {
      for await (const { type } of events) if (type !== 'BOOKMARK') this.#writes++;
    } catch (error) {
      if (!this.#stop.signal.aborted) throw error;
    }
  }
}

const LITZ_NODES: KubeResource = {
  group: 'litz.dev',
  version: 'v1',
  plural: 'litznodes',
  kind: 'LitzNode',
};
/** Time in ms within which the server reports a write. */
const REPORT_MS = 500;
