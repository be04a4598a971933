/**
 * `readKubeConfig`: reads the part of a kubeconfig that an agent needs: the current context, its
 * cluster, and a user with a certificate or a token. Entries that run programs or ask other servers
 * (`exec`, `auth-provider`) are refused, and the error names them.
 *
 * @module
 */
import { dirname, resolve } from 'node:path';
import { readInputFile } from '@litz/config/uapi';
import { load } from 'js-yaml';
import { systemClock, type Clock } from '../clock.ts';
import { FileCredential, inlineCredential, type Credential } from './credential.ts';
import type { KubeAccess } from './kube-access.ts';
import { KubeError, textOfError } from './kube-error.ts';

export interface KubeConfigOptions {
  /** The context to use instead of `current-context`. */
  readonly context?: string;
  readonly clock?: Clock;
}

/**
 * Reads a kubeconfig file.
 *
 * @throws {KubeError} the file cannot be read, a field is missing, or a field is not supported
 */
export function readKubeConfig(path: string, options: KubeConfigOptions = {}): KubeAccess {
  let text: string;
  try {
    text = readInputFile(path);
  } catch (error) {
    throw new KubeError(`kubeconfig ${path} cannot be read: ${textOfError(error)}`, {
      status: 0,
      cause: error,
    });
  }
  return parseKubeConfig(text, path, options);
}

/**
 * Reads a kubeconfig from its text.
 *
 * @param path the path of the kubeconfig: for messages, and as the base of relative paths
 * @throws {KubeError} the same errors as from `readKubeConfig`
 */
export function parseKubeConfig(
  text: string,
  path: string,
  options: KubeConfigOptions = {},
): KubeAccess {
  const config = new KubeConfigReader(text, path, options.clock ?? systemClock);
  return config.access(options.context);
}

type Fields = Readonly<Record<string, unknown>>;

class KubeConfigReader {
  readonly #root: Fields;
  readonly #path: string;
  readonly #clock: Clock;

  constructor(text: string, path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    let root: unknown;
    try {
      root = load(text);
    } catch (error) {
      // The parser's message quotes the lines around the mistake, and these lines may contain a
      // key.
      const line = (error as { mark?: { line?: number } }).mark?.line;
      throw this.#error(`is not YAML${line === undefined ? '' : `, line ${line + 1}`}`);
    }
    if (!isFields(root)) throw this.#error('is not a kubeconfig: expected a mapping');
    this.#root = root;
  }

  access(context = this.#string(this.#root, 'current-context', 'current-context')): KubeAccess {
    if (!context) throw this.#error('current-context is missing');
    const { cluster: clusterName, user: userName } = this.#named('contexts', 'context', context);
    if (typeof clusterName !== 'string') {
      throw this.#error(`context ${context}: cluster is missing`);
    }
    const cluster = this.#named('clusters', 'cluster', clusterName);
    const user =
      typeof userName === 'string' && userName !== '' ? this.#named('users', 'user', userName) : {};
    return {
      description: `kubeconfig ${this.#path}, context ${context}`,
      ...this.#cluster(cluster, `cluster ${clusterName}`),
      ...this.#user(user, `user ${String(userName)}`),
    };
  }

  #cluster(cluster: Fields, where: string): Pick<KubeAccess, 'server' | 'authority'> {
    if (cluster['insecure-skip-tls-verify'] === true) {
      throw this.#error(
        `${where}: insecure-skip-tls-verify is not supported, because a machine in between could give false keys: set certificate-authority`,
      );
    }
    if (cluster['proxy-url']) throw this.#error(`${where}: proxy-url is not supported`);
    const serverName = this.#string(cluster, 'tls-server-name', where);
    const authority = this.#credential(cluster, 'certificate-authority', where);
    return {
      server: this.#server(this.#string(cluster, 'server', where), where),
      ...(authority && { authority }),
      ...(serverName && { serverName }),
    };
  }

  #server(text: string, where: string): URL {
    if (!text) throw this.#error(`${where}: server is missing`);
    const server = URL.canParse(text) ? new URL(text) : undefined;
    if (!server || !['http:', 'https:'].includes(server.protocol)) {
      throw this.#error(`${where}: server: expected a URL such as https://10.0.0.1:6443`);
    }
    // `kubectl proxy` serves http on loopback. Over a network, attackers could read the token in
    // http requests, and could change the keys of nodes.
    if (server.protocol === 'http:' && !LOOPBACK.test(server.hostname)) {
      throw this.#error(`${where}: server: http is allowed for this machine only: use https`);
    }
    return server;
  }

  #user(user: Fields, where: string): Pick<KubeAccess, 'certificate' | 'key' | 'token'> {
    for (const field of UNSUPPORTED) {
      if (user[field] === undefined) continue;
      throw this.#error(
        `${where}: ${field} is not supported: use a token, tokenFile, or a client certificate`,
      );
    }
    const certificate = this.#credential(user, 'client-certificate', where);
    const key = this.#credential(user, 'client-key', where);
    if (!certificate !== !key) {
      const missing = certificate ? 'client-key' : 'client-certificate';
      throw this.#error(`${where}: ${missing} is missing`);
    }
    const token = this.#token(user, where);
    return { ...(certificate && key && { certificate, key }), ...(token && { token }) };
  }

  /**
   * Returns the token. As in Kubernetes' own clients, `tokenFile` takes precedence over `token`.
   */
  #token(user: Fields, where: string): Credential | undefined {
    const file = this.#string(user, 'tokenFile', where);
    if (file) return new FileCredential(this.#resolve(file), this.#clock);
    const token = this.#string(user, 'token', where);
    return token ? inlineCredential(token, `token of ${where} in ${this.#path}`) : undefined;
  }

  /** Returns a credential. `NAME-data`, in base64, takes precedence over the file `NAME`. */
  #credential(fields: Fields, name: string, where: string): Credential | undefined {
    const data = this.#string(fields, `${name}-data`, where);
    if (data) {
      const text = Buffer.from(data, 'base64').toString('utf8');
      return inlineCredential(text, `${name}-data of ${where} in ${this.#path}`);
    }
    const file = this.#string(fields, name, where);
    return file ? new FileCredential(this.#resolve(file), this.#clock) : undefined;
  }

  #named(list: string, inner: string, name: string): Fields {
    const entries = this.#root[list];
    const found = Array.isArray(entries)
      ? entries.find((entry: unknown) => isFields(entry) && entry['name'] === name)
      : undefined;
    const fields = (found as Fields | undefined)?.[inner];
    if (!isFields(fields)) throw this.#error(`${list} has no ${JSON.stringify(name)}`);
    return fields;
  }

  #string(fields: Fields, name: string, where: string): string {
    const value = fields[name] ?? '';
    if (typeof value !== 'string') throw this.#error(`${where}: ${name}: expected a string`);
    return value;
  }

  #resolve(file: string): string {
    return resolve(dirname(this.#path), file);
  }

  #error(problem: string): KubeError {
    return new KubeError(`kubeconfig ${this.#path}: ${problem}`);
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `exec` and `auth-provider` run programs or ask other servers. Kubernetes 1.19 removed passwords.
 */
const UNSUPPORTED = ['exec', 'auth-provider', 'username', 'password', 'as', 'as-groups'];

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
