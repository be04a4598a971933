/**
 * `KubeAccess`: the address of the API server and the credentials for it.
 *
 * @module
 */
import type { Credential } from './credential.ts';

/** The address of an API server, and the credentials of a client. */
export interface KubeAccess {
  /** For messages: `in-cluster`, or the kubeconfig and its context. */
  readonly description: string;
  /** `https://HOST:PORT`, optionally with a path. */
  readonly server: URL;
  /** The CA certificates for the server's certificate. Default: the CAs of the system. */
  readonly authority?: Credential;
  /** The name in the server's certificate, if it is not the host of the URL. */
  readonly serverName?: string;
  readonly certificate?: Credential;
  readonly key?: Credential;
  readonly token?: Credential;
}

/** Call this after the server has refused the credentials. All files are read again. */
export function forgetCredentials({ authority, certificate, key, token }: KubeAccess): void {
  for (const credential of [authority, certificate, key, token]) credential?.forget();
}
