/**
 * `KnownOffloads`: what this thread knows about the kernel's UDP offloads.
 *
 * A result "works" is kept as long as the thread stays in its network namespace. The code that
 * segments and coalesces belongs to the kernel and does not change, and the loopback settings that
 * can make this code refuse belong to the namespace. So the offloads are not tested again when the
 * port, the mark or the link of a device changes. A fault and an unclear result are not kept: when
 * the cause is removed (a driver, a queue on loopback), the next sockets use the offload.
 *
 * @module
 */
import { networkNamespaceId } from '@litz/sys';
import { testOffloads, type OffloadVerdict } from './offload-self-test.ts';

/** Why an offload must not be used. A field is absent if no fault is known. */
export interface OffloadFaults {
  readonly udpGso?: string;
  readonly udpGro?: string;
}

export class KnownOffloads {
  #namespace: string | undefined;
  #gsoWorks = false;
  #groWorks = false;

  /**
   * Returns the known faults. Tests what is not yet known about the network namespace of the
   * calling thread.
   *
   * @param gro whether coalescing must be tested
   */
  testUnknownOffloads({ gro }: { readonly gro: boolean }): OffloadFaults {
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
