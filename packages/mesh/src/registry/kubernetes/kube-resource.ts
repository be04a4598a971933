/**
 * `KubeResource`: a kind of object of the API server, and what an object has that all of them have.
 *
 * @module
 */

export interface KubeResource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Absent for what belongs to the cluster as a whole. */
  readonly namespace?: string;
  /** What to do where the API server doesn't know it. */
  readonly missing?: string;
}

export interface KubeMetadata {
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly KubeOwnerReference[];
}

export interface KubeOwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** As it came: only that there is a name was checked. */
export interface KubeObject {
  readonly metadata: KubeMetadata;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

/** `v1`, `litz.dev/v1`. */
export function apiVersionOf({ group, version }: KubeResource): string {
  return group === '' ? version : `${group}/${version}`;
}

/** `nodes`, `litznodes.litz.dev`, as the API server's messages and RBAC write it. */
export function fullNameOf({ group, plural }: KubeResource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** Of the collection, or of one object, or of a part of it (`status`). */
export function pathOf(resource: KubeResource, name?: string, subresource?: string): string {
  const { group, version, plural, namespace } = resource;
  const parts = group === '' ? ['api', version] : ['apis', group, version];
  if (namespace !== undefined) parts.push('namespaces', namespace);
  parts.push(plural);
  if (name !== undefined) parts.push(name);
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** @returns undefined for what is no object of Kubernetes */
export function asKubeObject(value: unknown): KubeObject | undefined {
  const metadata = fieldsOf(fieldsOf(value)?.['metadata']);
  return typeof metadata?.['name'] === 'string' ? (value as KubeObject) : undefined;
}

/** @returns undefined for what is no mapping */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** The texts among the entries of a list; none for what is no list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
