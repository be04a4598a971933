/**
 * `KubeResource`: a kind of object of the API server, and the fields that all objects have.
 *
 * @module
 */

/** A kind of object, and its place in the API. */
export interface KubeResource {
  /** The API group. Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** The namespace. Absent for resources of the whole cluster. */
  readonly namespace?: string;
  /** Advice for the case that the API server does not know this resource. */
  readonly missing?: string;
}

/** The metadata of an object of Kubernetes, as far as Litz reads it. */
export interface KubeMetadata {
  readonly name: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly KubeOwnerReference[];
}

/** The owner of an object. Kubernetes deletes the object when its owner is deleted. */
export interface KubeOwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** An object as it was received. Only the presence of a name was checked. */
export interface KubeObject {
  readonly metadata: KubeMetadata;
  readonly spec?: unknown;
  readonly status?: unknown;
  readonly [field: string]: unknown;
}

/** Returns the API version, such as `v1` or `litz.dev/v1`. */
export function apiVersionOf({ group, version }: KubeResource): string {
  return group === '' ? version : `${group}/${version}`;
}

/**
 * Returns the full name, such as `nodes` or `litznodes.litz.dev`, as the API server's messages and
 * RBAC write it.
 */
export function fullNameOf({ group, plural }: KubeResource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

/** Returns the path of the collection, of one object, or of a subresource (`status`). */
export function pathOf(resource: KubeResource, name?: string, subresource?: string): string {
  const { group, version, plural, namespace } = resource;
  const parts = group === '' ? ['api', version] : ['apis', group, version];
  if (namespace !== undefined) parts.push('namespaces', namespace);
  parts.push(plural);
  if (name !== undefined) parts.push(name);
  if (subresource !== undefined) parts.push(subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** @returns the value as an object; undefined if it is not a Kubernetes object */
export function asKubeObject(value: unknown): KubeObject | undefined {
  const metadata = fieldsOf(fieldsOf(value)?.['metadata']);
  return typeof metadata?.['name'] === 'string' ? (value as KubeObject) : undefined;
}

/** @returns the value as a mapping; undefined if it is not a mapping */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** Returns the strings among the entries of a list. Empty if the value is not a list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
