/**
 * `KubeAccess`: where the API server is, and who we are for it.
 *
 * @module
 */
import type { Credential } from './credential.ts';

export interface KubeAccess {
  /** `in-cluster`, or the kubeconfig and its context, for messages. */
  readonly description: string;
  /** `https://HOST:PORT` and perhaps a path. */
  readonly server: URL;
  /** Certificates of the authorities that the server's is checked against; the system's where absent. */
  readonly authority?: Credential;
  /** Checked instead of the URL's host. */
  readonly serverName?: string;
  readonly certificate?: Credential;
  readonly key?: Credential;
  readonly token?: Credential;
}

/** After the server refused us: whatever stands in files is read again. */
export function forgetCredentials({ authority, certificate, key, token }: KubeAccess): void {
  for (const credential of [authority, certificate, key, token]) credential?.forget();
}
