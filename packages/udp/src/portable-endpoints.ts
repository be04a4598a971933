/**
 * `PortableEndpoints`: the endpoints of node:dgram's sources, and the texts of destinations. Each
 * object and each text is made once and then reused.
 *
 * @module
 */
import { Endpoint } from '@litz/core';
import { addressFromText, addressToText } from './address-text.ts';

export class PortableEndpoints {
  readonly #byAddress = new Map<string, Map<number, Endpoint>>();
  readonly #texts = new WeakMap<Endpoint, string>();
  #count = 0;

  /** Returns the endpoint of a source; undefined if no answer can be sent to the source. */
  lookup(address: string, port: number): Endpoint | undefined {
    return this.#byAddress.get(address)?.get(port) ?? this.#create(address, port);
  }

  /** Returns the address of a destination in node:dgram's form. */
  textOf(destination: Endpoint): string {
    let text = this.#texts.get(destination);
    if (text === undefined) {
      text = addressToText(destination.address, destination.scopeId);
      this.#texts.set(destination, text);
    }
    return text;
  }

  #create(text: string, port: number): Endpoint | undefined {
    const parsed = addressFromText(text);
    if (!parsed || port < 1 || port > 0xffff) return undefined;
    if (this.#count === LIMIT) {
      this.#byAddress.clear();
      this.#count = 0;
    }
    const endpoint = new Endpoint(parsed.address, port, { scopeId: parsed.scopeId });
    this.#texts.set(endpoint, text);
    let ports = this.#byAddress.get(text);
    if (!ports) this.#byAddress.set(text, (ports = new Map<number, Endpoint>()));
    ports.set(port, endpoint);
    this.#count++;
    return endpoint;
  }
}

/**
 * When more sources than this are known, all are forgotten, so that an attacker cannot fill the
 * memory.
 */
const LIMIT = 4096;
