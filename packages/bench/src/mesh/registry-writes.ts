/**
 * `countWrites`: how often somebody has written to the registry so far, as its server counts.
 *
 * @module
 */
import { request } from 'node:http';
import type { KubeApi, KubeResource } from '@litz/mesh';
import { openKubeApi, type RegistryPlace } from './registry-place.ts';

/** Only ever compared with an earlier one. */
export interface WriteCounter {
  count(): Promise<number>;
  close(): void;
}

export async function countWrites(place: RegistryPlace): Promise<WriteCounter> {
  if (place.type === 'etcd') {
    return { count: () => etcdRevision(place.url), close: () => {} };
  }
  return KubeWrites.open(openKubeApi(place.kubeconfig));
}

/** Every write is a revision. Leases that are kept alive make none. */
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

/** Of the records alone: the API server writes things of its own all the time. */
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
    // What was written is told a moment later.
    await new Promise((resolve) => setTimeout(resolve, TOLD_MS));
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
const TOLD_MS = 500;
