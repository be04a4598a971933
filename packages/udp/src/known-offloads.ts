/**
 * What this thread knows of the kernel's UDP offloads.
 *
 * A verdict of "works" holds for as long as the thread stays in its network namespace: the code that
 * segments and coalesces is the kernel's and does not change, what can make it refuse is loopback's
 * setting, which is the namespace's. So a device whose port, mark or link changes pays for the test
 * once. A fault, and a test that showed nothing, are not kept: whoever mends the cause (a driver, a queue
 * on loopback) sees it with the next sockets.
 *
 * @module
 */
import { networkNamespaceId } from '@litz/sys';
import { testOffloads, type OffloadVerdict } from './offload-self-test.ts';

/** Why an offload is not to be used; a field is missing where nothing is wrong or nothing is known. */
export interface OffloadFaults {
  readonly udpGso?: string;
  readonly udpGro?: string;
}

export class KnownOffloads {
  #namespace: string | undefined;
  #gsoWorks = false;
  #groWorks = false;

  /**
   * Tests what is not known of the namespace that the calling thread is in.
   *
   * @param gro whether coalescing is of interest
   */
  faults({ gro }: { readonly gro: boolean }): OffloadFaults {
    const namespace = networkNamespaceId();
    if (namespace === undefined || namespace !== this.#namespace) {
      this.#namespace = namespace;
      this.#gsoWorks = this.#groWorks = false;
    }
    if (this.#gsoWorks && (this.#groWorks || !gro)) return {};
    const { udpGso, udpGro } = testOffloads({ gro });
    this.#gsoWorks ||= udpGso === 'works';
    this.#groWorks ||= udpGro === 'works';
    return { ...faultOf('udpGso', udpGso), ...faultOf('udpGro', udpGro) };
  }
}

function faultOf(name: keyof OffloadFaults, verdict: OffloadVerdict): OffloadFaults {
  return typeof verdict === 'object' ? { [name]: verdict.fault } : {};
}
